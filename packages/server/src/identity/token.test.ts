import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { test } from "node:test";
import { ConfabError } from "@confab/contract";
import { fixedKeys } from "./key-ring.js";
import { algorithms, forged, nowS, pairs, signed, verificationKey } from "./testing/tokens.js";
import { type TokenRules, TokenVerifier } from "./token.js";

const all = algorithms.map((algorithm) => verificationKey(algorithm, algorithm));

function verifier(rules: Partial<TokenRules> = {}, keys = all): TokenVerifier {
  return new TokenVerifier(
    fixedKeys(keys),
    { clockToleranceMs: 5_000, maxLifetimeMs: () => 3_600_000, ...rules },
    () => nowS * 1_000,
  );
}

for (const algorithm of algorithms) {
  test(`${algorithm}: a token says who its user is, when it ends and what it allows`, async () => {
    const rules = [{ pattern: "team-*", can: ["read"], cannot: ["send"] }];
    const token = await signed(algorithm, { jti: "t1", iat: nowS - 1, "confab.rooms": rules }, { kid: algorithm });
    const { key, ...said } = await verifier().verify(token);
    assert.equal(key?.id, algorithm);
    assert.deepEqual(said, {
      user: "ann",
      id: "t1",
      issuedAtMs: (nowS - 1) * 1_000,
      expiresAtMs: (nowS + 65) * 1_000,
      rules,
    });
  });

  test(`${algorithm}: a key without a name verifies tokens with and without one`, async () => {
    const keys = [verificationKey(algorithm)];
    for (const header of [{}, { kid: "any" }])
      assert.equal((await verifier({}, keys).verify(await signed(algorithm, {}, header))).user, "ann");
  });
}

const secret = pairs.HS256.privateKey;
const publicPem = pairs.RS256.publicKey.export({ type: "spki", format: "pem" }) as string;
const good = { sub: "ann", iat: nowS, exp: nowS + 60 };
const hs = { alg: "HS256", kid: "HS256" };

const refused: readonly [what: string, token: string | Promise<string>, text: RegExp, code?: string][] = [
  ["no JWT", "hello", /not a signed JWT/],
  ["an empty token", "", /not a signed JWT/],
  ["a token of two parts", forged(hs, good, secret).split(".").slice(0, 2).join("."), /not a signed JWT/],
  ["alg: none", forged({ alg: "none" }, good, undefined), /no key for the algorithm "none"/],
  ["alg: none with a signature", forged({ alg: "none", kid: "HS256" }, good, secret), /no key "HS256".*"none"/],
  [
    "the public key as a secret of HMAC",
    forged({ alg: "HS256", kid: "RS256" }, good, publicPem),
    /no key "RS256".*"HS256"/,
  ],
  ["the public key as a secret, without a name", forged({ alg: "HS256" }, good, publicPem), /signature/],
  ["another secret", forged(hs, good, "x".repeat(32)), /signature/],
  ["a changed payload", tampered(), /signature/],
  ["an unknown key", signed("ES256", {}, { kid: "unknown" }), /no key "unknown"/],
  ["HS512", forged({ alg: "HS512" }, good, secret), /no key for the algorithm "HS512"/],
  [
    "an expired token",
    signed("HS256", { exp: nowS - 6 }),
    /expired at 2023-11-14T22:13:14.*clock says 2023-11-14T22:13:20/,
    "TOKEN_EXPIRED",
  ],
  [
    "a token that is not valid yet",
    signed("HS256", { nbf: nowS + 600 }),
    /not valid before 2023-11-14T22:23:20.*clock says/,
  ],
  [
    "a longer life than maxTokenLifetimeMs",
    signed("HS256", { exp: nowS + 3_601 }),
    /valid for 3601000 ms; maxTokenLifetimeMs is 3600000/,
  ],
  ["a longer life that is nearly over", signed("HS256", { iat: nowS - 9_000 }), /valid for 9060000 ms/],
  ["no time of issue", signed("HS256", { iat: undefined }), /no "iat"/],
  ["a time of issue in the future", signed("HS256", { iat: nowS + 6 }), /issued at 2023-11-14T22:13:26.*clock says/],
  ["an algorithm that is a number", forged({ alg: 5 }, good, undefined), /not a signed JWT/],
  ["an algorithm that is null", forged({ alg: null }, good, undefined), /not a signed JWT/],
  ["a key id that is a number", forged({ alg: "HS256", kid: 5 }, good, secret), /not a signed JWT/],
  ["no end", signed("HS256", { exp: undefined }), /no "exp"/],
  ["an end that is text", signed("HS256", { exp: "soon" }), /"exp"/],
  ["no user", signed("HS256", { sub: undefined }), /no "sub"/],
  ["a user that is a number", forged(hs, { ...good, sub: 7 }, secret), /"sub" is not a user's name/],
  ["an id that is a number", forged(hs, { ...good, jti: 7 }, secret), /"jti" is not text/],
  [
    "an id that no revocation can name",
    forged(hs, { ...good, jti: "x".repeat(201) }, secret),
    /"jti" has more than 200/,
  ],
  ["a time of issue that is text", forged(hs, { ...good, iat: "now" }, secret), /"iat"/],
  ["an invisible user", signed("HS256", { sub: "\u200b" }), /"sub" is not a user's name/],
  ["a long user", signed("HS256", { sub: "x".repeat(65) }), /"sub" is not a user's name/],
  ["10 KB of claims", signed("HS256", { more: "x".repeat(10_000) }), /at most 8192/],
  ["a claim twice", forged(hs, `{"sub":"ann","iat":${nowS},"exp":${nowS + 60},"sub":"bob"}`, secret), /"sub" twice/],
  [
    "a claim twice, once escaped",
    forged(hs, `{"sub":"ann","iat":${nowS},"exp":${nowS + 60},"s\\u0075b":"bob"}`, secret),
    /"sub" twice/,
  ],
  ["a header field twice", forged('{"alg":"HS256","kid":"x","kid":"HS256"}', good, secret), /"kid" twice/],
  ["an unknown critical field", forged({ ...hs, crit: ["b64"], b64: false }, good, secret), /not a signed JWT/],
  ["a payload that is a list", forged(hs, "[1]", secret), /not a signed JWT/],
  ["rules that are text", signed("HS256", { "confab.rooms": "all" }), /confab\.rooms must be a list/],
  [
    "a star in the middle",
    signed("HS256", { "confab.rooms": [{ pattern: "a*b", can: [] }] }),
    /confab\.rooms\[0\]\.pattern/,
  ],
  [
    "an unknown action",
    signed("HS256", { "confab.rooms": [{ pattern: "a", can: ["fly"] }] }),
    /confab\.rooms\[0\]\.can.*"fly"/,
  ],
];

for (const [what, token, text, code = "UNAUTHENTICATED"] of refused) {
  test(`${code} for ${what}, and the text repeats none of the token`, async () => {
    const shown = await token;
    await assert.rejects(verifier().verify(shown), (error: unknown) => {
      assert.ok(error instanceof ConfabError, String(error));
      assert.equal(error.code, code);
      assert.match(error.message, text);
      for (const part of shown.split(".")) assert.ok(part.length < 8 || !error.message.includes(part));
      return true;
    });
  });
}

test("a token has one spelling", async () => {
  const token = await signed("ES256", {}, { kid: "ES256" });
  const spellings = [`${token}=`, `${token} `, `${token.slice(0, 20)}\n${token.slice(20)}`, otherLastBits(token)];
  for (const spelling of spellings) {
    assert.notEqual(spelling, token);
    await assert.rejects(verifier().verify(spelling), { code: "UNAUTHENTICATED", message: /not a signed JWT/ });
  }
});

/** The last character of a signature of 64 bytes has two bits that mean nothing. */
function otherLastBits(token: string): string {
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  return token.slice(0, -1) + alphabet[alphabet.indexOf(token.slice(-1)) ^ 1];
}

test("issuer and audience are asked for where they are configured", async () => {
  const strict = verifier({ issuer: "https://id.example", audience: ["chat", "other"] });
  const [iss, aud] = ["https://id.example", "chat"];
  assert.equal((await strict.verify(await signed("HS256", { iss, aud }))).user, "ann");
  assert.equal((await strict.verify(await signed("HS256", { iss, aud: ["x", "other"] }))).user, "ann");
  for (const [claims, text] of [
    [{ aud }, /no "iss"/],
    [{ iss: "https://id.example/", aud }, /another issuer/],
    [{ iss }, /no "aud"/],
    [{ iss, aud: "chats" }, /another audience/],
  ] as const)
    await assert.rejects(strict.verify(await signed("HS256", claims)), { code: "UNAUTHENTICATED", message: text });
});

test("clocks may differ by the tolerance, and no more", async () => {
  const wide = verifier({ clockToleranceMs: 600_000 });
  const late = await signed("HS256", { iat: nowS - 900, exp: nowS - 599 });
  assert.equal((await wide.verify(late)).expiresAtMs, (nowS + 1) * 1_000);
  await assert.rejects(wide.verify(await signed("HS256", { exp: nowS - 601 })), { code: "TOKEN_EXPIRED" });
});

test("of several keys without names the one that signed is found", async () => {
  const others = Array.from({ length: 2 }, () => generateKeyPairSync("ed25519").publicKey);
  const keys = [...others, pairs.EdDSA.publicKey].map((key) => ({ id: undefined, algorithm: "EdDSA" as const, key }));
  assert.equal((await verifier({}, keys).verify(await signed("EdDSA"))).user, "ann");
});

function tampered(): string {
  const [header, , signature] = forged(hs, good, secret).split(".");
  const payload = Buffer.from(JSON.stringify({ ...good, sub: "bob" })).toString("base64url");
  return [header, payload, signature].join(".");
}
