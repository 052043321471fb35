import { createPrivateKey, type KeyObject, randomBytes } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { UsageError } from "../command.js";

/** A key that signs tokens, with the algorithm of its type. */
export interface SigningKey {
  readonly algorithm: "HS256" | "RS256" | "ES256" | "EdDSA";
  readonly key: KeyObject;
}

/** A private key in PEM, or a secret for HS256 behind `hs256:`. @throws UsageError */
export async function readSigningKey(file: string): Promise<SigningKey> {
  const bytes = readFile(file);
  const secret = await secretOf(bytes, file);
  if (secret) return { algorithm: "HS256", key: secret };
  const key = privateKeyFrom(bytes.toString("latin1"), file);
  const { namedCurve } = key.asymmetricKeyDetails ?? {};
  if (key.asymmetricKeyType === "rsa") return { algorithm: "RS256", key };
  if (key.asymmetricKeyType === "ec" && namedCurve === "prime256v1") return { algorithm: "ES256", key };
  if (key.asymmetricKeyType === "ed25519") return { algorithm: "EdDSA", key };
  throw new UsageError(`--key ${file}: keys of type ${key.asymmetricKeyType} ${namedCurve ?? ""} sign no tokens here`);
}

/** The server says what a secret is. */
async function secretOf(bytes: Buffer, file: string): Promise<KeyObject | undefined> {
  const { KeyError, secretIn } = await import("@confab/server/tokens");
  try {
    return secretIn(bytes);
  } catch (error) {
    throw error instanceof KeyError ? new UsageError(`--key ${file}: ${error.message}`, { cause: error }) : error;
  }
}

/** Of a new secret. */
const secretBytes = 32;

/** Make a secret for HS256, which only this user may read. @throws UsageError: there is such a file already. */
export function writeNewSecret(file: string): void {
  try {
    writeFileSync(file, `hs256:${randomBytes(secretBytes).toString("base64url")}\n`, { mode: 0o600, flag: "wx" });
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
    throw new UsageError(
      `--key ${file}: is neither a secret behind hs256: nor a private key in PEM, without a passphrase`,
      { cause },
    );
  }
}

function systemReason(error: unknown): string {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  if (code === "ENOENT") return "there is no such file";
  if (code === "EEXIST") return "there is such a file already";
  if (typeof code === "string") return `cannot be used (${code})`;
  throw error;
}
