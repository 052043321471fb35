import assert from "node:assert/strict";
import { test } from "node:test";
import { create } from "@bufbuild/protobuf";
import { ConfabError, limitsWith, PayloadTypes } from "@confab/contract";
import {
  DeleteRoomRequestSchema,
  EraseUserRequestSchema,
  PublishRequestSchema,
  ScrubRequestSchema,
  SetRoomRetentionRequestSchema,
} from "@confab/contract/gen/confab/v1/admin_rooms_pb";
import { RevokeRequestSchema } from "@confab/contract/gen/confab/v1/admin_service_pb";
import { UserSchema } from "@confab/contract/gen/confab/v1/message_pb";
import { RecordingSink } from "../../testing/recording-sink.js";
import { testCaller } from "../../testing/test-caller.js";
import { testService } from "../../testing/test-service.js";
import type { OperationDeps } from "./operation.js";
import { operationsOn } from "./operations.js";
import { type Action, type Principal, refusedPrincipal, unrestricted } from "./principal.js";
import { defaultPolicy } from "./room-policy.js";

/** Operations, and what they report. */
function auditedOperations() {
  const heard: string[] = [];
  const { hub, engine } = testService();
  const deps: OperationDeps = {
    hub,
    engine,
    types: PayloadTypes.none(),
    limits: limitsWith(),
    rooms: { of: () => defaultPolicy(limitsWith()) },
    longestTokenUseMs: () => 0,
    audit: {
      refused: ({ action, scope }, { code }) => void heard.push(`${code} ${action} ${scope}`),
      administered: ({ action, caller }, facts) =>
        void heard.push(`${action} by ${caller.principal.user} ${JSON.stringify(facts)}`),
    },
  };
  return { operations: operationsOn(deps), deps, heard };
}

const may = (...actions: Action[]): Principal => ({
  ...unrestricted,
  user: "ann",
  may: (action) => actions.includes(action),
});
const message = { user: "ann", text: "hi", room: "den", id: "" };
const reader = create(UserSchema, { room: "den", history: 1 });

test("each refusal is reported once, with the action that was missing and the room", async () => {
  const { operations, heard } = auditedOperations();
  const expired = refusedPrincipal(new ConfabError("TOKEN_EXPIRED", "it has expired"));
  for (const [principal, ask, line] of [
    [expired, "send", "TOKEN_EXPIRED send undefined"],
    [may(), "send", "PERMISSION_DENIED send den"],
    [may("send"), "send", "PERMISSION_DENIED create den"],
    [may("send", "create"), "sendAs", "PERMISSION_DENIED send den"],
    [may("read"), "subscribe", "PERMISSION_DENIED history den"],
  ] as const) {
    const caller = { ...testCaller(), principal };
    await assert.rejects(async () => {
      if (ask === "subscribe") await operations.subscribe({ reader }, caller, new RecordingSink());
      else await operations.send(ask === "send" ? message : { ...message, user: "eve" }, caller);
    }, ConfabError);
    assert.deepEqual(heard.splice(0), [line]);
  }
  await operations.send(message, { ...testCaller(), principal: may("send", "create") });
  assert.deepEqual(heard, []);
});

test("an operation that administers is reported with what it does and what became of it", async () => {
  const { operations, deps, heard } = auditedOperations();
  const asked = create(RevokeRequestSchema, { user: "mal" });
  await operations.revoke(asked, { ...testCaller(), principal: may("admin") });
  assert.deepEqual(heard.splice(0), ['admin by ann {"operation":"revoke","revokedUser":"mal","outcome":"done"}']);
  await assert.rejects(async () => operations.revoke(asked, { ...testCaller(), principal: may("send") }), ConfabError);
  assert.deepEqual(heard, ["PERMISSION_DENIED admin all rooms"]);
  heard.length = 0;
  const full = new ConfabError("STORAGE_FULL", "the disk is full");
  const root = { ...testCaller(), principal: may("admin") };
  for (const add of [
    () => Promise.reject(full),
    () => {
      throw full;
    },
  ]) {
    Object.assign(deps.engine.revocations, { add });
    await assert.rejects(async () => operations.revoke(asked, root), full);
    assert.deepEqual(heard.splice(0), [
      'admin by ann {"operation":"revoke","revokedUser":"mal","outcome":"STORAGE_FULL"}',
    ]);
  }
});

test("what is done to rooms and users is reported with its amount", async () => {
  const { operations, heard } = auditedOperations();
  const caller = { ...testCaller(), principal: may("admin", "create") };
  const form = { begin: async () => undefined };
  const published = { rooms: ["a", "b"], message: { text: "private words", id: "m1" } };
  await operations.publish(create(PublishRequestSchema, published), caller, form);
  const bounds = { room: "a", retention: { maxMessages: 7n } };
  await operations.setRoomRetention(create(SetRoomRetentionRequestSchema, bounds), caller);
  await operations.eraseUser(create(EraseUserRequestSchema, { user: "ann" }), caller, form);
  await operations.deleteRoom(create(DeleteRoomRequestSchema, { room: "b" }), caller);
  await operations.scrub(create(ScrubRequestSchema), caller);
  assert.deepEqual(
    heard.map((line) => JSON.parse(line.slice("admin by ann ".length)) as unknown),
    [
      { operation: "publish", publishedAs: "ann", publishedRooms: 2, id: "m1", stored: 2, outcome: "done" },
      { operation: "set retention", boundedRoom: "a", maxMessages: 7, outcome: "done" },
      { operation: "erase user", erasedUser: "ann", messages: 2, changes: 0, outcome: "done" },
      { operation: "delete room", deletedRoom: "b", messages: 1, outcome: "done" },
      { operation: "scrub", outcome: "done" },
    ],
  );
});
