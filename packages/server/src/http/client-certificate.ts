import type { PeerCertificate, TLSSocket } from "node:tls";

/** What a verified certificate says of its client. */
export interface ClientCertificate {
  /** Names of its subject alternative name (RFC 5280 §4.2.1.6), in its order. */
  readonly dnsNames: readonly string[];
  readonly uris: readonly string[];
  readonly emails: readonly string[];
  /** The common names of its subject. */
  readonly commonNames: readonly string[];
  readonly validFromMs: number;
  readonly validToMs: number;
  /** SHA-256 of it, as 64 digits in lower case. */
  readonly fingerprint: string;
  /** Which set of authorities vouched for it: one more for each set that the server had before. */
  readonly authoritiesVersion: number;
}

/** A client's certificate that no authority of this server vouches for. */
export interface UnverifiedCertificate {
  /** OpenSSL's name for what is wrong: `CERT_HAS_EXPIRED`, `INVALID_PURPOSE`. */
  readonly fault: string;
}

/** What a client showed in its handshake; undefined: no certificate. */
export function clientCertificateOf(
  socket: TLSSocket,
  authoritiesVersion: number,
): ClientCertificate | UnverifiedCertificate | undefined {
  const shown: Partial<PeerCertificate> = socket.getPeerCertificate();
  const { raw, fingerprint256 = "", subjectaltname = "", subject } = shown;
  if (raw === undefined) return undefined;
  if (!socket.authorized) return { fault: String(socket.authorizationError) };
  const names = alternativeNames(subjectaltname);
  const namesOf = (kind: string) => names.filter(([each]) => each === kind).map(([, name]) => name);
  return {
    dnsNames: namesOf("DNS"),
    uris: namesOf("URI"),
    emails: namesOf("email"),
    commonNames: [subject?.CN ?? []].flat(),
    validFromMs: Date.parse(shown.valid_from ?? ""),
    validToMs: Date.parse(shown.valid_to ?? ""),
    fingerprint: fingerprint256.replaceAll(":", "").toLowerCase(),
    authoritiesVersion,
  };
}

/**
 * Node's text of a subject alternative name, `DNS:a.example, URI:"b, DNS:c"`: a name in which a character could be taken for
 * the list's own is a string of JSON. Nothing is taken from a text that is not wholly so.
 */
export function alternativeNames(text: string): readonly (readonly [kind: string, name: string])[] {
  const names: [string, string][] = [];
  const entry = /([A-Za-z][A-Za-z0-9 ]*):(?:("(?:[^"\\]|\\.)*")|([^",]*))(?:, |$)/y;
  while (entry.lastIndex < text.length) {
    const [, kind, quoted, plain = ""] = entry.exec(text) ?? [];
    if (kind === undefined) return [];
    names.push([kind, quoted === undefined ? plain : (JSON.parse(quoted) as string)]);
  }
  return names;
}
