import { neverSentCode } from "../network-failure.js";

/** What connections to `https://` servers are made with. */
export interface TlsOptions {
  /**
   * Certificates in PEM that vouch for the server, instead of those that Node trusts by itself (with those of
   * `NODE_EXTRA_CA_CERTS`).
   */
  readonly ca?: string | readonly string[] | undefined;
}

/** As `node:tls` takes it: there, undefined is not the same as nothing. */
export function secureOptions({ ca }: TlsOptions): { readonly ca?: string[] } {
  return ca === undefined ? {} : { ca: typeof ca === "string" ? [ca] : [...ca] };
}

/** OpenSSL's words for a certificate that no authority vouches for (nodejs.org/api/tls.html, X509 certificate error codes). */
const untrusted = new Set([
  "CERT_REJECTED",
  "CERT_UNTRUSTED",
  "DEPTH_ZERO_SELF_SIGNED_CERT",
  "INVALID_CA",
  "SELF_SIGNED_CERT_IN_CHAIN",
  "UNABLE_TO_GET_ISSUER_CERT",
  "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
]);

/** Why TLS was not agreed on, in words for those who run the client; any other error as it is. */
export function explainedTlsError(error: Error): Error {
  // A stream of HTTP/2 has the connection's error as the cause of its own.
  const text = textOf(error) ?? (error.cause instanceof Error ? textOf(error.cause) : undefined);
  // The original says nothing more, and the deepest cause would be what is shown.
  return text === undefined ? error : Object.assign(new Error(text), { code: neverSentCode });
}

function textOf(error: Error): string | undefined {
  const code = "code" in error ? String(error.code) : "";
  if (untrusted.has(code)) {
    return `its certificate is not trusted (${error.message}); name its authority with ca or NODE_EXTRA_CA_CERTS`;
  }
  switch (code) {
    case "CERT_HAS_EXPIRED":
      return "its certificate has expired";
    case "CERT_NOT_YET_VALID":
      return "its certificate is not valid yet";
    case "ERR_TLS_CERT_ALTNAME_INVALID":
      return `its certificate is for other names: ${"reason" in error ? error.reason : error.message}`;
    case "ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL":
      return "it does not speak HTTP/2";
    // What is no record of TLS: by Node 20, and by later ones.
    case "EPROTO":
    case "ERR_SSL_WRONG_VERSION_NUMBER":
    case "ERR_SSL_PACKET_LENGTH_TOO_LONG":
      return "it does not speak TLS; is it http:// that is meant?";
    default:
      return undefined;
  }
}
