import { createPublicKey, createSecretKey, type JsonWebKey, type KeyObject } from "node:crypto";

/** The signature algorithms that are taken. Each key has one of them, whatever a token's header says. */
export type Algorithm = "HS256" | "RS256" | "ES256" | "EdDSA";

/** A key that verifies tokens. */
export interface VerificationKey {
  /** Its name in a token's header; undefined for a key without one. */
  readonly id: string | undefined;
  readonly algorithm: Algorithm;
  readonly key: KeyObject;
}

/** A key that cannot be used; the message says why, and never quotes it. */
export class KeyError extends Error {
  override readonly name = "KeyError";
}

/** RFC 7518 §3.2: a key of HS256 has at least the size of its hash. */
const minSecretBytes = 32;

/**
 * The keys of a file: a public key or certificate in PEM (RS256, ES256 or EdDSA by its type), a JWK or a set of them in JSON,
 * or a secret for HS256 behind `hs256:`. Nothing else is a secret: a public key that is damaged, or in another form, would
 * be one that attackers know.
 *
 * @throws KeyError
 */
export function keysFromFile(bytes: Buffer): readonly VerificationKey[] {
  const secret = secretIn(bytes);
  if (secret) return [{ id: undefined, algorithm: "HS256", key: secret }];
  const text = bytes.toString("latin1");
  if (text.includes("-----BEGIN ")) return [{ id: undefined, ...publicKeyFrom(text) }];
  return keysFromJson(jsonFrom(bytes));
}

/** What stands before a secret in its file. */
const secretPrefix = "hs256:";

/** The secret of a file, without the newline at its end; undefined: the file has another key. @throws KeyError: it is short. */
export function secretIn(bytes: Buffer): KeyObject | undefined {
  if (!bytes.toString("latin1").startsWith(secretPrefix)) return undefined;
  return secretFrom(withoutNewline(bytes).subarray(secretPrefix.length));
}

/**
 * The keys of a JWK, or of a set of them (RFC 7517). Keys for other uses than signatures are left out; so are secrets where
 * others can read the set.
 *
 * @throws KeyError
 */
export function keysFromJson(json: object, areSecretsTaken = true): readonly VerificationKey[] {
  const list: unknown = "keys" in json ? json.keys : [json];
  if (!Array.isArray(list)) throw new KeyError('"keys" must be a list of JWKs');
  const isOne = !("keys" in json);
  const all = list.flatMap((each: unknown) => keyFromJwk(each, isOne));
  const keys = all.filter(({ algorithm }) => areSecretsTaken || algorithm !== "HS256");
  if (keys.length === 0) throw new KeyError("there is no key in it that verifies HS256, RS256, ES256 or EdDSA");
  return keys;
}

/** A set may hold keys for others than us; a file with one key is meant for us. */
function keyFromJwk(jwk: unknown, mustBeUsable: boolean): readonly VerificationKey[] {
  try {
    if (typeof jwk !== "object" || jwk === null) throw new KeyError("a JWK must be an object");
    const { kid, use, alg, kty, k } = jwk as Readonly<Record<string, unknown>>;
    if (use !== undefined && use !== "sig") throw new KeyError("the key is not for signatures");
    const id = typeof kid === "string" ? kid : undefined;
    const found =
      kty === "oct"
        ? { algorithm: "HS256" as const, key: secretFrom(Buffer.from(typeof k === "string" ? k : "", "base64url")) }
        : publicKeyFrom(jwk as JsonWebKey);
    if (alg !== undefined && alg !== found.algorithm && !(alg === "Ed25519" && found.algorithm === "EdDSA"))
      throw new KeyError(`the key is for ${String(alg).slice(0, 20)}`);
    return [{ id, ...found }];
  } catch (error) {
    if (mustBeUsable || !(error instanceof KeyError)) throw error;
    return [];
  }
}

function publicKeyFrom(source: string | JsonWebKey): Omit<VerificationKey, "id"> {
  const key = readPublicKey(source);
  const { modulusLength = 0, namedCurve } = key.asymmetricKeyDetails ?? {};
  switch (key.asymmetricKeyType) {
    case "rsa":
      // RFC 7518 §3.3.
      if (modulusLength < 2_048) throw new KeyError(`an RSA key has at least 2048 bits; this one has ${modulusLength}`);
      return { algorithm: "RS256", key };
    case "ec":
      if (namedCurve !== "prime256v1")
        throw new KeyError(`an elliptic key must be on P-256; this one is on ${namedCurve}`);
      return { algorithm: "ES256", key };
    case "ed25519":
      return { algorithm: "EdDSA", key };
    default:
      throw new KeyError(`a key of type ${key.asymmetricKeyType} verifies none of HS256, RS256, ES256 and EdDSA`);
  }
}

function readPublicKey(source: string | JsonWebKey): KeyObject {
  try {
    return createPublicKey(typeof source === "string" ? source : { key: source, format: "jwk" });
  } catch (cause) {
    throw new KeyError("it is not a public key, a certificate or a JWK", { cause });
  }
}

function secretFrom(secret: Buffer): KeyObject {
  if (secret.length < minSecretBytes) {
    throw new KeyError(`a secret for HS256 has at least ${minSecretBytes} bytes; this one has ${secret.length}`);
  }
  return createSecretKey(secret);
}

function withoutNewline(bytes: Buffer): Buffer {
  const text = bytes.toString("latin1");
  return bytes.subarray(0, text.length - (/\r?\n$/.exec(text)?.[0].length ?? 0));
}

function jsonFrom(bytes: Buffer): object {
  try {
    const json: unknown = JSON.parse(bytes.toString());
    if (typeof json === "object" && json !== null && !Array.isArray(json)) return json;
  } catch {
    // Said below.
  }
  throw new KeyError(`it is neither PEM, nor a JWK or a set of them, nor a secret behind ${secretPrefix}`);
}
