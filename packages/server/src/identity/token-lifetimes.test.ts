import assert from "node:assert/strict";
import { test } from "node:test";
import { fixedKeys } from "./key-ring.js";
import { nowS, signed, verificationKey } from "./testing/tokens.js";
import { TokenVerifier } from "./token.js";
import { TokenLifetimes } from "./token-lifetimes.js";

const toleranceMs = 5_000;
const nowMs = nowS * 1_000;

// A revocation was kept for the limit alone, and the token was accepted again for up to twice the tolerance.
test("no token that is accepted can be used for longer than is said, and one can be used for so long", async () => {
  const lifetimes = new TokenLifetimes(() => 60_000, toleranceMs);
  const rules = { clockToleranceMs: toleranceMs, maxLifetimeMs: () => lifetimes.maxMs() };
  const verifier = new TokenVerifier(fixedKeys([verificationKey("HS256")]), rules, () => nowMs);
  const issuedS = nowS + toleranceMs / 1_000;
  const { expiresAtMs } = await verifier.verify(await signed("HS256", { iat: issuedS, exp: issuedS + 60 }));
  assert.equal(expiresAtMs, nowMs + lifetimes.longestUseMs());
  for (const claims of [
    { iat: issuedS + 1, exp: issuedS + 61 },
    { iat: issuedS, exp: issuedS + 61 },
  ])
    await assert.rejects(verifier.verify(await signed("HS256", claims)), { code: "UNAUTHENTICATED" });
});

test("a limit that was lowered still counts for how long tokens can be used: what it let in may be open", () => {
  let limitMs = 60_000;
  const lifetimes = new TokenLifetimes(() => limitMs, toleranceMs);
  assert.equal(lifetimes.longestUseMs(), 70_000);
  limitMs = 3_600_000;
  assert.equal(lifetimes.maxMs(), 3_600_000);
  limitMs = 120_000;
  assert.deepEqual([lifetimes.maxMs(), lifetimes.longestUseMs()], [120_000, 3_610_000]);
});
