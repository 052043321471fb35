import assert from "node:assert/strict";
import { test } from "node:test";
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { ConfabError, decodeChatMessage, type Limits, limitsWith, PayloadTypes } from "@confab/contract";
import { SendMessagesRequestSchema } from "@confab/contract/gen/confab/v1/message_pb";
import type { RoomId } from "../../core/index.js";
import { testCaller } from "../../testing/test-caller.js";
import { testService } from "../../testing/test-service.js";
import { cost } from "../../work/index.js";
import type { Caller } from "./caller.js";
import { CallerRates } from "./caller-rates.js";
import { operationsOn } from "./operations.js";
import { type Principal, unrestricted } from "./principal.js";
import { defaultPolicy } from "./room-policy.js";

const ann: Principal = { ...unrestricted, user: "ann" };

type Asked = MessageInitShape<typeof SendMessagesRequestSchema>;

function batches(wanted: Partial<Limits> = {}) {
  const limits = limitsWith(wanted);
  const { hub, engine } = testService();
  const clock = { nowMs: 1_000 };
  const rates = new CallerRates(() => clock.nowMs, limits);
  const rooms = { of: () => defaultPolicy(limits) };
  const types = PayloadTypes.none();
  const operations = operationsOn({ hub, engine, types, limits, rooms, rates, longestTokenUseMs: () => 0 });
  const caller = (principal = ann): Caller => ({ ...testCaller(), principal });
  return {
    clock,
    operations,
    caller,
    sendAll: async (asked: Asked, by = caller()) => operations.sendAll(create(SendMessagesRequestSchema, asked), by),
    send: async (text: string, room = "den") => operations.send({ user: "ann", text, room, id: "" }, caller()),
    texts: (room = "den") =>
      engine
        .readForward(room as RoomId, 0, { maxEntries: 10_000, maxBytes: 10_000_000 })
        .run.entries.map(({ body }) => decodeChatMessage(body).text),
  };
}

const saying = (...texts: string[]) => texts.map((text) => ({ user: "ann", text }));

function withViolations(...wanted: (readonly [field: string, rule: string])[]) {
  return (error: unknown) => {
    assert.ok(error instanceof ConfabError && error.code === "INVALID_MESSAGE", String(error));
    assert.deepEqual(
      error.facts.violations?.map(({ field, rule }) => [field, rule]),
      wanted,
    );
    return true;
  };
}

test("a batch is stored in its room, in order, whether its messages name the room or not", async () => {
  const { sendAll, texts } = batches();
  const acks = await sendAll({
    room: "den",
    messages: [{ user: "ann", text: "1", room: "den" }, { user: "ann", text: "2", id: "k" }, ...saying("3")],
  });
  assert.deepEqual(
    acks.map(({ position, duplicate }) => [position.offset, duplicate]),
    [
      [1, false],
      [2, false],
      [3, false],
    ],
  );
  assert.equal(acks[1]?.id, "k");
  assert.deepEqual(texts(), ["1", "2", "3"]);
  await sendAll({ messages: [{ user: "ann", text: "4", room: "lobby" }] });
  assert.deepEqual(texts("lobby"), ["4"]);
});

test("what breaks a rule is named with its place, and nothing is stored", async () => {
  const { sendAll, texts } = batches({ maxBatchMessages: 3 });
  const cases: readonly (readonly [Asked, ...(readonly [string, string])[]])[] = [
    [{ room: "den" }, ["messages", "repeated.min_items"]],
    [{ room: "den", messages: saying("1", "2", "3", "4") }, ["messages", "repeated.max_items"]],
    [{ room: "a/b", messages: saying("1") }, ["room", "string.pattern"]],
    [{ room: "den", messages: [...saying("1"), { user: "ann", text: "2", room: "lair" }] }, ["", "batch.one_room"]],
    [{ messages: [{ user: "ann", text: "1", room: "den" }] }, ["", "batch.one_room"]],
    [{ room: "den", messages: [...saying("1"), { user: "ann", text: "" }] }, ["messages[1]", "message.content"]],
    [
      { room: "den", messages: [...saying("1"), { user: "", text: "2", id: "a b" }, { user: "", text: "3" }] },
      ["messages[1].user", "string.min_len"],
      ["messages[1].id", "string.pattern"],
    ],
    [
      { room: "den", messages: saying("1"), expected: { epoch: 7, offset: 2n ** 53n } },
      ["expected.offset", "uint64.lte"],
    ],
  ];
  for (const [asked, ...violations] of cases) {
    await assert.rejects(sendAll(asked, { ...testCaller(), principal: unrestricted }), withViolations(...violations));
  }
  assert.deepEqual(texts(), []);
  assert.equal((await sendAll({ room: "den", messages: saying("1", "2", "3") })).length, 3);
});

test("maxBatchMessages is quoted, and holds at once when it changes", async () => {
  const { sendAll } = batches({ maxBatchMessages: 2 });
  await assert.rejects(sendAll({ room: "den", messages: saying("1", "2", "3") }), {
    message: "messages: has 3 messages; maxBatchMessages is 2",
  });
});

test("messages without a user are the caller's own, and each other name needs its permission", async () => {
  const { sendAll, texts } = batches();
  const mayNotSendAs: Principal = { ...ann, may: (action) => action !== "send-as" };
  const by: Caller = { ...testCaller(), principal: mayNotSendAs };
  await sendAll({ room: "den", messages: [{ text: "1" }, { user: "ann", text: "2" }] }, by);
  await assert.rejects(sendAll({ room: "den", messages: [{ text: "3" }, { user: "bob", text: "4" }] }, by), {
    code: "PERMISSION_DENIED",
  });
  assert.deepEqual(texts(), ["1", "2"]);
});

test("a payload in either field is stored as one, and one with a broken value refuses the batch", async () => {
  const { sendAll, texts } = batches();
  const payload = { typeUrl: "x/shop.Order", value: Uint8Array.of(8, 1) };
  await sendAll({ room: "den", messages: [{ text: "1", payload }, { encodedPayload: payload }] });
  assert.equal(texts().length, 2);
  const bad = { typeUrl: "x/confab.v1.Position", value: Uint8Array.of(0xff) };
  await assert.rejects(sendAll({ room: "den", messages: [...saying("3"), { payload: bad }] }), {
    code: "MALFORMED_MESSAGE",
  });
  assert.equal(texts().length, 2);
});

test("rates count every message of a batch, or none of a batch that is refused", async () => {
  const { sendAll, send, clock, texts } = batches({ maxSendsPerSecondByUser: 5 });
  await sendAll({ room: "den", messages: saying("1", "2", "3") });
  await assert.rejects(sendAll({ room: "den", messages: saying("4", "5", "6") }), { code: "RATE_LIMITED" });
  await sendAll({ room: "den", messages: saying("7", "8") });
  await assert.rejects(send("9"), { code: "RATE_LIMITED" });
  clock.nowMs += 1_000;
  await send("10");
  assert.deepEqual(texts(), ["1", "2", "3", "7", "8", "10"]);
});

test("rates count the bytes of all its messages", async () => {
  const { sendAll } = batches({ maxSentBytesPerSecondByUser: 10 });
  await sendAll({ room: "den", messages: saying("€€", "ab") });
  await assert.rejects(sendAll({ room: "den", messages: saying("a", "bcd") }), { message: /bytes to send/ });
  await sendAll({ room: "den", messages: saying("a", "b") });
});

test("a batch that makes a room counts as one room, and its rule holds for batches", async () => {
  const { sendAll } = batches({ maxRoomsCreatedPerHourByUser: 1 });
  await sendAll({ room: "den", messages: saying("1", "2") });
  await assert.rejects(sendAll({ room: "lair", messages: saying("1", "2") }), {
    message: "user ann has used up its rooms to create; maxRoomsCreatedPerHourByUser is 1",
  });
  await sendAll({ room: "den", messages: saying("3") });
  const mayNotCreate: Principal = { ...unrestricted, may: (action) => action !== "create" };
  await assert.rejects(sendAll({ room: "cave", messages: saying("1") }, { ...testCaller(), principal: mayNotCreate }), {
    code: "PERMISSION_DENIED",
    message: "create is not allowed in room cave",
  });
});

test("a batch that is refused for its position makes no room", async () => {
  const { sendAll, clock } = batches({ maxRoomsCreatedPerHourByUser: 1 });
  const expected = { epoch: 7, offset: 5n };
  for (const room of ["a", "b", "c"])
    await assert.rejects(sendAll({ room, messages: saying("1"), expected }), { code: "UNEXPECTED_POSITION" });
  clock.nowMs++;
  await sendAll({ room: "d", messages: saying("1"), expected: { epoch: 7, offset: 0n } });
});

test("each message of a batch is accounted for, beside the first one's request", async () => {
  const { sendAll, caller } = batches();
  const by = caller();
  const spent: number[] = [];
  by.share.spend = (units) => void spent.push(units);
  await sendAll({ room: "den", messages: saying("1", "2", "3", "4") }, by);
  assert.deepEqual(spent, [3 * cost.message]);
});
