import assert from "node:assert/strict";
import { test } from "node:test";
import { RevokedTokens } from "./revoked-tokens.js";

const token = (user: string, issuedAtMs: number | undefined, id?: string) => ({ id, user, issuedAtMs });
const ofToken = (tokenId: string) => ({ tokenId, user: "", issuedBeforeMs: 0 });
const ofUser = (user: string, issuedBeforeMs: number) => ({ tokenId: "", user, issuedBeforeMs });

test("tokens are refused as changes say, one after another: what is over is refused no more", () => {
  const revoked = new RevokedTokens();
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
