import assert from "node:assert/strict";
import { test } from "node:test";
import type { Revocation } from "./record-ports.js";
import { RevocationSet, revocationKey } from "./revocation-set.js";

const ofUser = (user: string, issuedBeforeMs: number, untilMs = 100): Revocation => ({
  tokenId: "",
  user,
  issuedBeforeMs,
  untilMs,
});

test("revocations about the same tokens are joined: the later time of each wins", () => {
  const set = new RevocationSet();
  assert.deepEqual(set.add(ofUser("ann", 9, 50)), ofUser("ann", 9, 50));
  assert.deepEqual(set.add(ofUser("ann", 5, 70)), ofUser("ann", 9, 70));
  assert.equal(set.add(ofUser("ann", 9, 60)), undefined);
  assert.deepEqual(set.all(), [ofUser("ann", 9, 70)]);
});

test("what is over is removed, and what was prolonged or is added later stays as long as it should", () => {
  const set = new RevocationSet();
  for (const [user, untilMs] of [
    ["ann", 10],
    ["bob", 20],
    ["cid", 30],
  ] as const)
    set.add(ofUser(user, 1, untilMs));
  set.add(ofUser("ann", 1, 40));
  assert.deepEqual(set.removeExpired(19), []);
  assert.deepEqual(set.removeExpired(20), [ofUser("bob", 1, 20)]);
  set.add(ofUser("dan", 1, 25));
  assert.deepEqual(set.removeExpired(29), [ofUser("dan", 1, 25)]);
  assert.deepEqual(set.removeExpired(40), [ofUser("ann", 1, 40), ofUser("cid", 1, 30)]);
  assert.equal(set.size, 0);
});

test("pages are in the order of the keys, also of those that are added and removed between pages", () => {
  const set = new RevocationSet();
  for (const user of ["m", "c", "x"]) set.add(ofUser(user, 1));
  const users = (after: string, count: number) => set.page(after, count).map(({ user }) => user);
  assert.deepEqual(users("", 2), ["c", "m"]);
  set.add(ofUser("a", 1));
  set.add(ofUser("n", 1, 50));
  set.add(ofUser("n", 2, 50));
  assert.deepEqual(users(revocationKey({ tokenId: "", user: "m" }), 2), ["n", "x"]);
  set.removeExpired(50);
  assert.deepEqual(users(revocationKey({ tokenId: "", user: "m" }), 2), ["x"]);
  assert.deepEqual(users("", 9), ["a", "c", "m", "x"]);
  assert.deepEqual(users("user zz", 9), []);
});
