import assert from "node:assert/strict";
import { test } from "node:test";
import { create } from "@bufbuild/protobuf";
import { ConfabError } from "@confab/contract";
import { ListRevocationsRequestSchema, RevokeRequestSchema } from "@confab/contract/gen/confab/v1/admin_service_pb";
import { type Revocation, revocationKey } from "../../core/index.js";
import { testCaller } from "../../testing/test-caller.js";
import { longestTokenUseMs, testService } from "../../testing/test-service.js";

const most = 100_000;

test("at 100,000 revocations another one is refused, one that widens another is not, and what is over makes room", async () => {
  const { service, engine, hub } = testService();
  const nowMs = hub.clock.nowMs();
  const add = (tokenId: string, untilMs: number) =>
    engine.revocations.add({ tokenId, user: "", issuedBeforeMs: 0, untilMs });
  for (let count = 0; count < most - 1; count++) await add(`t${count}`, nowMs + 1);
  const revoke = (asked: { user?: string; tokenId?: string }) =>
    service.operations.revoke(create(RevokeRequestSchema, asked), testCaller());
  const isFull = (error: unknown) => error instanceof ConfabError && error.code === "STORAGE_FULL";
  await revoke({ user: "mal" });
  await assert.rejects(revoke({ user: "eve" }), isFull);
  await revoke({ user: "mal" });
  await revoke({ tokenId: "t0" });
  assert.equal(engine.revocations.count(nowMs), most);
  // All but the two above are over.
  Object.assign(hub.clock, { nowMs: () => nowMs + 1 });
  await revoke({ user: "eve" });
  assert.equal(engine.revocations.count(nowMs + 1), 3);
});

test("a revocation is kept for as long as a token can be used, and says until when", async () => {
  const { service, engine, hub } = testService();
  const untilMs = hub.clock.nowMs() + longestTokenUseMs;
  for (const asked of [{ tokenId: "t1" }, { user: "mal" }])
    assert.equal(await service.operations.revoke(create(RevokeRequestSchema, asked), testCaller()), untilMs);
  assert.deepEqual(
    engine.revocations.all().map((revocation) => revocation.untilMs),
    [untilMs, untilMs],
  );
});

test("revocations are paged by key, those of ids before those of users, without those that are over", async () => {
  const { service, engine, hub } = testService();
  const nowMs = hub.clock.nowMs();
  const add = (of: { user?: string; tokenId?: string }, untilMs = nowMs + 1) =>
    engine.revocations.add({ tokenId: "", user: "", issuedBeforeMs: 0, untilMs, ...of });
  for (const tokenId of ["b", "a"]) await add({ tokenId });
  for (const user of ["zoe", "ann", ""]) await add({ user });
  await add({ user: "bob" }, nowMs);
  const pages: string[][] = [];
  for (let page = ""; ; ) {
    const found: string[] = [];
    const take = (some: readonly Revocation[]) => void found.push(...some.map(revocationKey));
    const form = { begin: async () => undefined, unitsPerItem: 1, take };
    const asked = create(ListRevocationsRequestSchema, { limit: 2, page });
    page = await service.operations.revocations(asked, testCaller(), form);
    pages.push(found);
    if (page === "") break;
  }
  assert.deepEqual(pages, [["token a", "token b"], ["user ", "user ann"], ["user zoe"]]);
});
