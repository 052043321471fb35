import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { createSecureContext } from "node:tls";
import type { KeyPair } from "../http/tls-port.js";
import { ConfigError, type TlsConfig } from "./config.js";

/** What may be told of a certificate. */
export interface CertificateFacts {
  /** The names and addresses that it is for. */
  readonly names: readonly string[];
  readonly validFrom: Date;
  readonly validTo: Date;
}

export interface Certificate {
  readonly facts: CertificateFacts;
  /** Not to be shown or logged: the key is in it. */
  readonly keyPair: KeyPair;
}

/** A certificate or key that cannot be used. */
export class TlsFileError extends ConfigError {
  constructor(
    /** Which of the two it is that would have to be another one. */
    readonly key: keyof TlsConfig,
    readonly file: string,
    readonly reason: string,
    options?: ErrorOptions,
  ) {
    super(`tls.${key} ${file}: ${reason}`, options);
  }
}

/**
 * Read a certificate and its key, and make sure that they can be used together.
 *
 * @throws TlsFileError
 */
export function readCertificate(files: TlsConfig): Certificate {
  const cert = textOf("certFile", files.certFile);
  const key = textOf("keyFile", files.keyFile);
  const chain = chainFrom(cert, files);
  const [own] = chain;
  const privateKey = keyFrom(key, files);
  if (!own.checkPrivateKey(privateKey)) {
    if (chain.some((other) => other.checkPrivateKey(privateKey)))
      throw new TlsFileError("certFile", files.certFile, "the server's own certificate must be the first in the file");
    throw new TlsFileError("keyFile", files.keyFile, `is not the key of the certificate in ${files.certFile}`);
  }
  try {
    createSecureContext({ cert, key });
  } catch (cause) {
    throw new TlsFileError("certFile", files.certFile, `cannot be used: ${wordsOf(cause)}`, { cause });
  }
  const facts = { names: namesOf(own), validFrom: new Date(own.validFrom), validTo: new Date(own.validTo) };
  return { facts, keyPair: { cert, key } };
}

/** What is wrong with a certificate's dates, for the log: a server with it starts all the same, and clients refuse it. */
export function dateTrouble(
  { validFrom, validTo }: Pick<CertificateFacts, "validFrom" | "validTo">,
  nowUnixMs: number,
): string | undefined {
  if (nowUnixMs > validTo.getTime()) return `has expired on ${validTo.toISOString()}`;
  if (nowUnixMs < validFrom.getTime()) return `is not valid before ${validFrom.toISOString()}`;
  return undefined;
}

/** @throws TlsFileError: it cannot be read. */
export function textOf(key: keyof TlsConfig, file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (cause) {
    throw new TlsFileError(key, file, unreadable.get(codeOf(cause)) ?? wordsOf(cause), { cause });
  }
}

const unreadable = new Map([
  ["ENOENT", "there is no such file"],
  ["EACCES", "this user may not read it"],
  ["EISDIR", "is a folder"],
]);

const certificateBlock =
  /-----BEGIN (?:TRUSTED |X509 )?CERTIFICATE-----[^-]*-----END (?:TRUSTED |X509 )?CERTIFICATE-----/g;

/** The certificates of a text in PEM, as they stand there. */
export function certificatesIn(text: string): readonly string[] {
  return text.match(certificateBlock) ?? [];
}

function chainFrom(text: string, { certFile }: TlsConfig): readonly [X509Certificate, ...X509Certificate[]] {
  const [own, ...others] = certificatesIn(text);
  if (own === undefined) {
    const holdsKey = text.includes(" PRIVATE KEY-----") ? " but a key" : "";
    throw new TlsFileError("certFile", certFile, `holds no certificate in PEM${holdsKey}`);
  }
  try {
    return [new X509Certificate(own), ...others.map((block) => new X509Certificate(block))];
  } catch (cause) {
    throw new TlsFileError("certFile", certFile, "holds a certificate that cannot be read", { cause });
  }
}

function keyFrom(text: string, { keyFile }: TlsConfig): KeyObject {
  try {
    return createPrivateKey(text);
  } catch (cause) {
    if (/-----BEGIN ENCRYPTED|^Proc-Type: 4,ENCRYPTED/m.test(text))
      throw new TlsFileError("keyFile", keyFile, "is encrypted; a key without a passphrase is needed", { cause });
    const holdsCertificate = text.includes(" CERTIFICATE-----") ? " but a certificate" : "";
    throw new TlsFileError("keyFile", keyFile, `holds no private key in PEM${holdsCertificate}`, { cause });
  }
}

/** `DNS:localhost, IP Address:127.0.0.1` without the kinds; the subject's name in a certificate that has no such list. */
function namesOf({ subjectAltName, subject }: X509Certificate): readonly string[] {
  if (subjectAltName === undefined) return [...(/^CN=(.+)$/m.exec(subject)?.slice(1) ?? [])];
  return subjectAltName.split(", ").map((name) => name.slice(name.indexOf(":") + 1));
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "";
}

function wordsOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
