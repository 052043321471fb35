import assert from "node:assert/strict";
import { test } from "node:test";
import { create } from "@bufbuild/protobuf";
import { ConfabError, decodeChatMessage, limitsWith, PayloadTypes } from "@confab/contract";
import {
  DeleteMessageRequestSchema,
  EditMessageRequestSchema,
  ReactRequestSchema,
} from "@confab/contract/gen/confab/v1/message_pb";
import type { RoomId } from "../../core/index.js";
import { testCaller } from "../../testing/test-caller.js";
import { testService } from "../../testing/test-service.js";
import { CallerRates } from "./caller-rates.js";
import { operationsOn } from "./operations.js";
import { type Action, type Principal, unrestricted } from "./principal.js";
import { defaultPolicy } from "./room-policy.js";

/** A room with a message of ann and one of bob; what was refused is recorded. */
async function denOfTwo(limits = limitsWith({})) {
  const { hub, engine } = testService();
  for (const user of ["ann", "bob"]) await hub.send({ user, text: "hi", room: "den", id: "" });
  const refused: string[] = [];
  const audit = {
    refused: ({ action }: { readonly action: string }, { code }: ConfabError) => void refused.push(`${action} ${code}`),
    administered: () => undefined,
  };
  const rooms = { of: () => ({ ...defaultPolicy(limits), maxMessageBytes: 200 }) };
  const rates = new CallerRates(() => 1_000, limits);
  const operations = operationsOn({
    hub,
    engine,
    types: PayloadTypes.none(),
    limits,
    rooms,
    rates,
    audit,
    longestTokenUseMs: () => 0,
  });
  const entries = () =>
    engine
      .readForward("den" as RoomId, 0, { maxEntries: 100, maxBytes: 100_000 })
      .run.entries.map(({ body }) => decodeChatMessage(body));
  return { operations, entries, refused };
}

function callerOf(user: string, ...can: readonly Action[]) {
  const principal: Principal = { ...unrestricted, user, may: (action) => can.includes(action) };
  return { ...testCaller(), principal };
}

const ofAnn = { room: "den", position: { epoch: 7, offset: 1n } };
const ofBob = { room: "den", position: { epoch: 7, offset: 2n } };

function withCode(code: string) {
  return (error: unknown) => error instanceof ConfabError && error.code === code;
}

test("users change their own messages with the permission to send, and react to any, in the token's name", async () => {
  const { operations, entries } = await denOfTwo();
  const ann = callerOf("ann", "send");
  await operations.edit(create(EditMessageRequestSchema, { ...ofAnn, text: "new" }), ann);
  await operations.react(create(ReactRequestSchema, { ...ofBob, emoji: "+1" }), ann);
  await operations.deleteMessage(create(DeleteMessageRequestSchema, ofAnn), ann);
  assert.deepEqual(
    entries()
      .slice(2)
      .map(({ user, change }) => [user, change?.kind]),
    [
      ["ann", "edit"],
      ["ann", "reaction"],
      ["ann", "deletion"],
    ],
  );
});

test("messages of others take the permission to edit, or to delete, and its lack is told to the audit", async () => {
  const { operations, entries, refused } = await denOfTwo();
  const edit = create(EditMessageRequestSchema, { ...ofBob, text: "new" });
  const deletion = create(DeleteMessageRequestSchema, ofBob);
  const [ann, editor, moderator] = [
    callerOf("ann", "send"),
    callerOf("ann", "send", "edit"),
    callerOf("ann", "send", "delete"),
  ];
  for (const caller of [ann, moderator])
    await assert.rejects(operations.edit(edit, caller), withCode("PERMISSION_DENIED"));
  for (const caller of [ann, editor])
    await assert.rejects(operations.deleteMessage(deletion, caller), withCode("PERMISSION_DENIED"));
  assert.deepEqual(refused, [
    "edit PERMISSION_DENIED",
    "edit PERMISSION_DENIED",
    "delete PERMISSION_DENIED",
    "delete PERMISSION_DENIED",
  ]);
  assert.equal(entries().length, 2);
  await operations.edit(edit, editor);
  await operations.deleteMessage(deletion, moderator);
  assert.deepEqual([entries().length, entries()[1]?.deleted], [4, true]);
});

test("a token does not act in another user's name, and a message is not one's own by saying so", async () => {
  const { operations } = await denOfTwo();
  const asBob = create(EditMessageRequestSchema, { ...ofBob, user: "bob", text: "new" });
  await assert.rejects(async () => operations.edit(asBob, callerOf("ann", "send")), withCode("PERMISSION_DENIED"));
  await operations.edit(asBob, callerOf("ann", "send", "send-as"));
});

test("a change has the room's bound for a message, and counts as one", async () => {
  const limits = limitsWith({ maxSendsPerSecondByUser: 2 });
  const { operations } = await denOfTwo(limits);
  const ann = callerOf("ann", "send");
  const large = create(EditMessageRequestSchema, { ...ofAnn, text: "x".repeat(200) });
  await assert.rejects(operations.edit(large, ann), withCode("PAYLOAD_TOO_LARGE"));
  const reaction = create(ReactRequestSchema, { ...ofAnn, emoji: "+1" });
  await operations.react(reaction, ann);
  await assert.rejects(async () => operations.react(reaction, ann), withCode("RATE_LIMITED"));
});

test("a payload of an edit is checked as that of a message is", async () => {
  const { operations } = await denOfTwo();
  const payload = { typeUrl: "type.googleapis.com/confab.v1.Position", value: Uint8Array.of(0x0d) };
  const ann = callerOf("ann", "send");
  await assert.rejects(
    async () => operations.edit(create(EditMessageRequestSchema, { ...ofAnn, payload }), ann),
    withCode("MALFORMED_MESSAGE"),
  );
});
