import { createHmac, createSecretKey, generateKeyPairSync, type KeyObject, randomBytes } from "node:crypto";
import { SignJWT } from "jose";
import type { VerificationKey } from "../keys.js";

/** What signs and what verifies, of each algorithm that is taken. */
export const pairs = {
  HS256: secretPair(),
  RS256: generateKeyPairSync("rsa", { modulusLength: 2_048 }),
  ES256: generateKeyPairSync("ec", { namedCurve: "P-256" }),
  EdDSA: generateKeyPairSync("ed25519"),
} as const;

export type TestAlgorithm = keyof typeof pairs;

export const algorithms = Object.keys(pairs) as readonly TestAlgorithm[];

export function verificationKey(algorithm: TestAlgorithm, id?: string): VerificationKey {
  return { id, algorithm, key: pairs[algorithm].publicKey };
}

/** Seconds since 1970, at which the tests' tokens are looked at. */
export const nowS = 1_700_000_000;

interface Claims {
  readonly [name: string]: unknown;
}

/** A signed token; claims that are undefined are left out. */
export function signed(algorithm: TestAlgorithm, claims: Claims = {}, header: object = {}): Promise<string> {
  return new SignJWT({ sub: "ann", iat: nowS, exp: nowS + 60, ...claims })
    .setProtectedHeader({ alg: algorithm, ...header })
    .sign(pairs[algorithm].privateKey);
}

/** A token put together by hand, signed with HMAC and any key: what a library would not make. */
export function forged(
  header: object | string,
  payload: object | string,
  secret: KeyObject | string | undefined,
): string {
  const part = (value: object | string) =>
    Buffer.from(typeof value === "string" ? value : JSON.stringify(value)).toString("base64url");
  const text = `${part(header)}.${part(payload)}`;
  const signature = secret === undefined ? "" : createHmac("sha256", secret).update(text).digest("base64url");
  return `${text}.${signature}`;
}

function secretPair(): { readonly privateKey: KeyObject; readonly publicKey: KeyObject } {
  const key = createSecretKey(randomBytes(32));
  return { privateKey: key, publicKey: key };
}
