import { createPrivateKey, createSecretKey, type KeyObject, randomBytes } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { UsageError } from "../command.js";

/** A key that signs tokens, with the algorithm of its type. */
export interface SigningKey {
  readonly algorithm: "HS256" | "RS256" | "ES256" | "EdDSA";
  readonly key: KeyObject;
}

/** RFC 7518 §3.2. */
const minSecretBytes = 32;

/** A private key in PEM, or a secret for HS256, which is anything else. @throws UsageError */
export function readSigningKey(file: string): SigningKey {
  const bytes = readFile(file);
  const text = bytes.toString("latin1");
  if (!text.includes("-----BEGIN ")) {
    const secret = bytes.subarray(0, bytes.length - (/\r?\n$/.exec(text)?.[0].length ?? 0));
    if (secret.length < minSecretBytes)
      throw new UsageError(
        `--key ${file}: a secret has at least ${minSecretBytes} bytes; this one has ${secret.length}`,
      );
    return { algorithm: "HS256", key: createSecretKey(secret) };
  }
  const key = privateKeyFrom(text, file);
  switch (key.asymmetricKeyType) {
    case "rsa":
      return { algorithm: "RS256", key };
    case "ec":
      return { algorithm: "ES256", key };
    case "ed25519":
      return { algorithm: "EdDSA", key };
    default:
      throw new UsageError(`--key ${file}: keys of type ${key.asymmetricKeyType} sign no tokens`);
  }
}

/** Make a secret for HS256, which only this user may read. @throws UsageError: there is such a file already. */
export function writeNewSecret(file: string): void {
  try {
    writeFileSync(file, `${randomBytes(minSecretBytes).toString("base64url")}\n`, { mode: 0o600, flag: "wx" });
  } catch (error) {
    throw new UsageError(`--new-key ${file}: ${systemReason(error)}`, { cause: error });
  }
}

export function readFile(file: string, option = "key"): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    throw new UsageError(`--${option} ${file}: ${systemReason(error)}`, { cause: error });
  }
}

function privateKeyFrom(pem: string, file: string): KeyObject {
  try {
    return createPrivateKey(pem);
  } catch (cause) {
    throw new UsageError(`--key ${file}: is not a private key in PEM, without a passphrase`, { cause });
  }
}

function systemReason(error: unknown): string {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  if (code === "ENOENT") return "there is no such file";
  if (code === "EEXIST") return "there is such a file already";
  if (typeof code === "string") return `cannot be used (${code})`;
  throw error;
}
