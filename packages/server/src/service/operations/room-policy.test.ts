import assert from "node:assert/strict";
import { test } from "node:test";
import { create } from "@bufbuild/protobuf";
import { PayloadTypes } from "@confab/contract";
import { UserSchema } from "@confab/contract/gen/confab/v1/message_pb";
import { GetHistoryRequestSchema, ListMembersRequestSchema } from "@confab/contract/gen/confab/v1/room_pb";
import { RecordingSink } from "../../testing/recording-sink.js";
import { testCaller } from "../../testing/test-caller.js";
import { type TestService, testService } from "../../testing/test-service.js";
import { unrestricted } from "./principal.js";
import type { RoomPolicy } from "./room-policy.js";

const form = { begin: async () => undefined, maxBytes: 100_000, sizesOf: () => [], unitsPerEntry: 1, unitsPerKib: 1 };
const listing = { begin: form.begin, unitsPerItem: 1, take: () => undefined };
const denied = { code: "PERMISSION_DENIED" };

function serviceWith(policy: Partial<RoomPolicy>): TestService {
  return testService({}, PayloadTypes.none(), policy);
}

function pageOf({ service }: TestService, asked: Parameters<typeof create<typeof GetHistoryRequestSchema>>[1]) {
  return service.operations.history(create(GetHistoryRequestSchema, { room: "den", ...asked }), testCaller(), form);
}

async function subscribed({ service }: TestService, asked: { readonly name?: string; readonly history?: number }) {
  const reader = create(UserSchema, { room: "den", ...asked });
  const sink = Object.assign(new RecordingSink(), { events: undefined });
  return service.operations.subscribe({ reader }, testCaller(), sink);
}

test("without history a room has no pages, and no subscription begins with messages", async () => {
  const room = serviceWith({ maxHistory: 0 });
  await room.say("den", "a", "b", "c");
  for (const asked of [
    {},
    { limit: 2 },
    { limit: 1, oldestFirst: true },
    { limit: 1, before: { epoch: 7, offset: 2n } },
  ])
    await assert.rejects(pageOf(room, asked), denied);
  await assert.rejects(subscribed(room, { history: 1 }), denied);
  assert.equal((await subscribed(room, {})).position.offset, 3);
});

test("without history a reader still learns where the room begins and ends, and whether anything follows its position", async () => {
  const room = serviceWith({ maxHistory: 0 });
  await room.say("den", "a", "b", "c");
  const { run, oldest, newest, hasMore } = await pageOf(room, { limit: 1 });
  assert.deepEqual([run.entries, oldest, newest, hasMore], [[], 1, 3, false]);
  const follows = async (offset: bigint) => {
    const page = await pageOf(room, { limit: 1, after: { epoch: 7, offset } });
    return page.run.entries.map((entry) => entry.offset);
  };
  assert.deepEqual([await follows(2n), await follows(3n)], [[3], []]);
  await assert.rejects(follows(4n), { code: "OUT_OF_RANGE" });
});

test("a page and a subscription have at most as many messages as the room's history allows", async () => {
  const room = serviceWith({ maxHistory: 2 });
  await room.say("den", "a", "b", "c");
  for (const asked of [{}, { limit: 2 }, { limit: 1_000 }]) {
    const { run, hasMore } = await pageOf(room, asked);
    assert.deepEqual([run.entries.map(({ offset }) => offset), hasMore], [[2, 3], true]);
  }
  assert.equal((await pageOf(room, { limit: 1 })).run.count, 1);
  const starts = async (history: number) => (await subscribed(room, { history })).position.offset;
  assert.deepEqual([await starts(1), await starts(2), await starts(1_000)], [2, 1, 1]);
});

test("without presence a room's members are not listed, its readers get no presence, and all are counted", async () => {
  const room = serviceWith({ hasPresence: false });
  const { operations } = room.service;
  await subscribed(room, { name: "ann" });
  await assert.rejects(
    async () => operations.members(create(ListMembersRequestSchema, { room: "den" }), testCaller(), listing),
    denied,
  );
  const reader = create(UserSchema, { room: "den", name: "bob" });
  // It asks for presence.
  await assert.rejects(async () => operations.subscribe({ reader }, testCaller(), new RecordingSink()), denied);
  assert.deepEqual(await room.engine.members.counts(["den" as never]), [{ members: 0, subscribers: 1 }]);
});

test("a message is refused past its room's own size", async () => {
  const room = serviceWith({ maxMessageBytes: 300 });
  const { operations } = room.service;
  const send = (text: string) => operations.send({ user: "ann", text, room: "den", id: "" }, testCaller());
  await send("x".repeat(200));
  await assert.rejects(send("x".repeat(300)), {
    code: "PAYLOAD_TOO_LARGE",
    message: /^the message is 3\d\d bytes; maxMessageBytes of room den is 300$/,
  });
});

for (const [creators, withoutToken, withToken] of [
  ["anyone", true, true],
  ["tokens", false, true],
  ["none", false, false],
] as const) {
  test(`a room with create: ${creators} takes its first message from those, and later ones from all`, async () => {
    for (const [user, may] of [
      [undefined, withoutToken],
      ["ann", withToken],
    ] as const) {
      const room = serviceWith({ creators });
      const caller = { ...testCaller(), principal: { ...unrestricted, user } };
      const send = async () => room.service.operations.send({ user: "ann", text: "x", room: "den", id: "" }, caller);
      if (may) await send();
      else await assert.rejects(send(), { ...denied, message: "create is not allowed in room den" });
      await room.say("den", "by one who may");
      await send();
    }
  });
}
