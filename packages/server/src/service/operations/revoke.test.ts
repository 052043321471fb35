import assert from "node:assert/strict";
import { test } from "node:test";
import { create } from "@bufbuild/protobuf";
import { ConfabError } from "@confab/contract";
import { RevokeRequestSchema } from "@confab/contract/gen/confab/v1/admin_service_pb";
import { testCaller } from "../../testing/test-caller.js";
import { testService } from "../../testing/test-service.js";

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
