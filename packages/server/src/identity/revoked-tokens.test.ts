import assert from "node:assert/strict";
import { test } from "node:test";
import { RevokedTokens } from "./revoked-tokens.js";

const token = (user: string, issuedAtMs: number | undefined, id?: string) => ({ id, user, issuedAtMs });
const certificate = (user: string, issuedAtMs: number) => ({
  ...token(user, issuedAtMs),
  isCertificate: true as const,
});
const ofToken = (tokenId: string) => ({ tokenId, user: "", issuedBeforeMs: 0 });
const ofUser = (user: string, issuedBeforeMs: number) => ({ tokenId: "", user, issuedBeforeMs });

test("tokens are refused as changes say, one after another: what is over is refused no more", () => {
  const revoked = new RevokedTokens(0);
  const isRefused = (...of: Parameters<typeof token>) => revoked.refusal(token(...of)) !== undefined;
  const refused = () => [
    isRefused("ann", 5, "a"),
    isRefused("bob", 5),
    isRefused("bob", 8),
    isRefused("cid", undefined),
  ];
  assert.deepEqual(refused(), [false, false, false, false]);
  revoked.follow({ added: [ofToken("a"), ofUser("bob", 6)], removed: [] });
  assert.deepEqual(refused(), [true, true, false, false]);
  revoked.follow({ added: [ofUser("bob", 9)], removed: [] });
  assert.deepEqual(refused(), [true, true, true, false]);
  revoked.follow({ added: [], removed: [ofToken("a")] });
  assert.deepEqual(refused(), [false, true, true, false]);
  revoked.follow({ added: [ofUser("", 1)], removed: [ofUser("bob", 9)] });
  assert.deepEqual(refused(), [false, false, false, true]);
  revoked.follow({ added: [], removed: [ofUser("", 1)] });
  assert.deepEqual(refused(), [false, false, false, false]);
});

// A token of an issuer whose clock was 4 s ahead went on being accepted after its user was revoked.
test("a token that could have been issued before the revocation is refused, by a clock that is ahead by the tolerance", () => {
  const revoked = new RevokedTokens(5);
  const isRefused = (facts: Parameters<RevokedTokens["refusal"]>[0]) => revoked.refusal(facts) !== undefined;
  for (const user of ["ann", ""]) {
    const change = [ofUser(user, 100)];
    revoked.follow({ added: change, removed: [] });
    // The verifier accepts what is issued 5 ms ahead at the most.
    assert.deepEqual(
      [99, 100, 105, 106].map((issuedAtMs) => isRefused(token("ann", issuedAtMs))),
      [true, true, true, false],
    );
    // The handshake accepts no certificate ahead of its time.
    assert.deepEqual(
      [99, 100, 101].map((issuedAtMs) => isRefused(certificate("ann", issuedAtMs))),
      [true, true, false],
    );
    revoked.follow({ added: [], removed: change });
  }
});
