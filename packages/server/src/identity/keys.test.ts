import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { test } from "node:test";
import { testCertificate } from "../testing/certificate.js";
import { KeyError, keysFromFile } from "./keys.js";
import { pairs } from "./testing/tokens.js";

const pem = (algorithm: "RS256" | "ES256" | "EdDSA") =>
  pairs[algorithm].publicKey.export({ type: "spki", format: "pem" });
const jwk = (algorithm: "RS256" | "ES256" | "EdDSA", more: object = {}) => ({
  ...pairs[algorithm].publicKey.export({ format: "jwk" }),
  ...more,
});

for (const [what, text, algorithms] of [
  ["an RSA key in PEM", pem("RS256"), ["RS256"]],
  ["a key on P-256 in PEM", pem("ES256"), ["ES256"]],
  ["an Ed25519 key in PEM", pem("EdDSA"), ["EdDSA"]],
  ["a certificate", testCertificate, ["ES256"]],
  ["a JWK", JSON.stringify(jwk("ES256", { alg: "ES256" })), ["ES256"]],
  ["a set of JWKs", JSON.stringify({ keys: [jwk("RS256"), jwk("EdDSA", { alg: "Ed25519" })] }), ["RS256", "EdDSA"]],
  ["a symmetric JWK", JSON.stringify({ kty: "oct", k: Buffer.alloc(32).toString("base64url") }), ["HS256"]],
  ["a secret", `hs256:${"s".repeat(32)}`, ["HS256"]],
] as const) {
  test(`a key file may hold ${what}`, () => {
    assert.deepEqual(
      keysFromFile(Buffer.from(text)).map(({ algorithm }) => algorithm),
      algorithms,
    );
  });
}

test("a newline at the end of a secret is not part of it; one within is", () => {
  const secretOf = (text: string) =>
    keysFromFile(Buffer.from(`hs256:${text}`))[0]
      ?.key.export()
      .toString();
  const secret = "s".repeat(40);
  for (const end of ["", "\n", "\r\n"]) assert.equal(secretOf(secret + end), secret);
  assert.equal(secretOf(`${secret}\n\n`), `${secret}\n`);
});

for (const [what, text, reason] of [
  ["nothing", "", /neither PEM, nor a JWK/],
  ["an empty secret", "hs256:\n", /at least 32 bytes; this one has 0/],
  ["a short secret", `hs256:${"s".repeat(31)}\n`, /at least 32 bytes; this one has 31/],
  // Each of these holds a public key, and would be a secret that is known to attackers.
  ["a set of JWKs with a comma too many", `{"keys":[${JSON.stringify(jwk("RS256"))},]}`, /neither PEM, nor a JWK/],
  ["a set of JWKs that is cut short", JSON.stringify({ keys: [jwk("RS256")] }).slice(0, -2), /neither PEM, nor a JWK/],
  ["a JWK behind a byte order mark", `\ufeff${JSON.stringify(jwk("RS256"))}`, /neither PEM, nor a JWK/],
  ["a list of JWKs", JSON.stringify([jwk("RS256")]), /neither PEM, nor a JWK/],
  ["a key in the form of OpenSSH", `ssh-ed25519 ${"A".repeat(68)} ann@host`, /neither PEM, nor a JWK/],
  [
    "a key in base64 alone",
    `${pairs.RS256.publicKey.export({ type: "spki", format: "der" }).toString("base64")}`,
    /neither PEM, nor a JWK/,
  ],
  [
    "a key in DER",
    pairs.RS256.publicKey.export({ type: "spki", format: "der" }).toString("latin1"),
    /neither PEM, nor a JWK/,
  ],
  [
    "a short RSA key",
    generateKeyPairSync("rsa", { modulusLength: 1_024 }).publicKey.export({ type: "spki", format: "pem" }),
    /at least 2048 bits; this one has 1024/,
  ],
  [
    "a key on another curve",
    generateKeyPairSync("ec", { namedCurve: "P-384" }).publicKey.export({ type: "spki", format: "pem" }),
    /P-256.*secp384r1/,
  ],
  [
    "a key of another type",
    generateKeyPairSync("x25519").publicKey.export({ type: "spki", format: "pem" }),
    /type x25519/,
  ],
  ["broken PEM", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", /not a public key/],
  ["a JWK for encryption", JSON.stringify(jwk("ES256", { use: "enc" })), /not for signatures/],
  ["a JWK for another algorithm", JSON.stringify(jwk("RS256", { alg: "PS256" })), /is for PS256/],
  ["an empty set", '{"keys":[]}', /no key in it/],
] as const) {
  test(`a key file may not hold ${what}`, () => {
    assert.throws(
      () => keysFromFile(Buffer.from(text)),
      (error: unknown) => error instanceof KeyError && reason.test(error.message),
    );
  });
}
