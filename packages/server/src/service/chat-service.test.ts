import assert from "node:assert/strict";
import { test } from "node:test";
import {
  create,
  type DescMessage,
  type DescMethodUnary,
  fromBinary,
  fromJson,
  fromJsonString,
  type MessageInitShape,
  type MessageShape,
  toBinary,
  toJsonString,
} from "@bufbuild/protobuf";
import { AnySchema } from "@bufbuild/protobuf/wkt";
import { ConfabError, PayloadTypes } from "@confab/contract";
import { AdminService } from "@confab/contract/gen/confab/v1/admin_service_pb";
import { ChatService as ChatServiceDesc } from "@confab/contract/gen/confab/v1/chat_service_pb";
import { nested, wellKnownNestings } from "@confab/contract/testing/deep-payloads";
import type { RoomId } from "../core/index.js";
import { RecordingSink } from "../testing/recording-sink.js";
import { testCaller } from "../testing/test-caller.js";
import { type TestService, testService } from "../testing/test-service.js";
import type { WireFormat } from "./index.js";

const { registry } = PayloadTypes.none();
const caller = testCaller();
const formats: readonly WireFormat[] = ["proto", "json"];

/** Call an RPC as a client would: through its encoding. */
async function call<In extends DescMessage, Out extends DescMessage>(
  { service }: TestService,
  rpc: DescMethodUnary<In, Out>,
  format: WireFormat,
  init: MessageInitShape<In>,
): Promise<MessageShape<Out>> {
  const operation = service.unary.get(rpc);
  const { input, output } = rpc;
  assert.ok(operation);
  const request = create(input, init);
  const bytes = format === "proto" ? toBinary(input, request) : Buffer.from(toJsonString(input, request, { registry }));
  const reply = await operation.call(format, bytes, caller);
  return format === "proto"
    ? fromBinary(output, reply)
    : fromJson(output, JSON.parse(Buffer.from(reply).toString()), { registry });
}

const { sendMessage, getHistory, listRooms, listMembers, listReadMarks, sendSignal } = ChatServiceDesc.method;

function hasCode(code: string) {
  return (error: unknown) => error instanceof ConfabError && error.code === code;
}

test("every unary RPC of the contract is there, and says of itself what the contract says", () => {
  const { service } = testService();
  for (const rpc of [...ChatServiceDesc.methods, ...AdminService.methods]) {
    const { name, methodKind, idempotency } = rpc;
    const operation = service.unary.get(rpc);
    assert.equal(operation !== undefined, methodKind === "unary", name);
    // 1 is NO_SIDE_EFFECTS (google/protobuf/descriptor.proto, MethodOptions.IdempotencyLevel).
    if (operation) assert.equal(operation.hasNoSideEffects, idempotency === 1, name);
  }
});

for (const format of formats) {
  test(`${format}: a message is stored once for one id, and acknowledged with its first position`, async () => {
    const service = testService();
    const first = await call(service, sendMessage, format, { user: "ann", text: "hi", id: "7" });
    const again = await call(service, sendMessage, format, { user: "ann", text: "hi", id: "7" });
    assert.deepEqual([first.id, first.position?.offset, first.duplicate], ["7", 1n, false]);
    assert.deepEqual(again, { ...first, duplicate: true });
  });

  test(`${format}: history pages forward and backward with its cursor and limit`, async () => {
    const service = testService();
    await service.say("lobby", ..."abcdef");
    const page = async (init: MessageInitShape<typeof getHistory.input>) => {
      const { messages, more } = await call(service, getHistory, format, init);
      return `${messages.map(({ text }) => text).join("")}${more ? "…" : ""}`;
    };
    assert.equal(await page({}), "abcdef");
    assert.equal(await page({ limit: 2 }), "ef…");
    assert.equal(await page({ limit: 2, oldestFirst: true }), "ab…");
    assert.equal(await page({ after: { epoch: 7, offset: 2n }, limit: 2 }), "cd…");
    assert.equal(await page({ before: { epoch: 7, offset: 3n } }), "ab");
    assert.equal(await page({ before: { epoch: 7, offset: 3n }, oldestFirst: true }), "ab");
  });

  test(`${format}: rooms are paged by name with what they hold and who reads them`, async () => {
    const service = testService();
    for (const room of ["c", "a", "b"]) await service.say(room, "x", "y");
    const sink = new RecordingSink();
    for (const user of ["ann", "ann", ""]) {
      await service.hub.subscribe({ room: "a" as RoomId, user, after: undefined, history: 0 }, sink);
    }
    const one = await call(service, listRooms, format, { limit: 2 });
    const two = await call(service, listRooms, format, { limit: 2, page: one.nextPage });
    assert.deepEqual([one.rooms.map(({ name }) => name), one.nextPage], [["a", "b"], "b"]);
    assert.deepEqual([two.rooms.map(({ name }) => name), two.nextPage], [["c"], ""]);
    const [room] = one.rooms;
    assert.deepEqual([room?.oldest?.offset, room?.newest?.offset, room?.messages], [1n, 2n, 2n]);
    assert.deepEqual([room?.members, room?.subscribers], [1, 3]);
    service.hub.close(new ConfabError("SHUTTING_DOWN", "the test is over"));
  });

  test(`${format}: members are paged by name with their connections, of the lobby when no room is named`, async () => {
    const service = testService();
    const sink = new RecordingSink();
    for (const user of ["bob", "ann", "ann", "zoe", ""]) {
      await service.hub.subscribe({ room: "lobby" as RoomId, user, after: undefined, history: 0 }, sink);
    }
    const one = await call(service, listMembers, format, { limit: 2 });
    assert.deepEqual(
      one.members.map(({ user, connections }) => [user, connections]),
      [
        ["ann", 2],
        ["bob", 1],
      ],
    );
    assert.deepEqual([one.total, one.nextPage], [3, "bob"]);
    const two = await call(service, listMembers, format, { limit: 2, page: one.nextPage });
    assert.deepEqual([two.members.map(({ user }) => user), two.nextPage], [["zoe"], ""]);
    assert.deepEqual((await call(service, listMembers, format, { room: "empty" })).total, 0);
    service.hub.close(new ConfabError("SHUTTING_DOWN", "the test is over"));
  });

  test(`${format}: a signal is heard by the readers and not kept`, async () => {
    const service = testService();
    const sink = new RecordingSink();
    const { subscription } = await service.hub.subscribe(
      { room: "lobby" as RoomId, user: "", after: undefined, history: 0 },
      sink,
    );
    await call(service, sendSignal, format, { user: "ann", kind: "typing" });
    assert.deepEqual(
      sink.signals.map(({ user, room, kind }) => [user, room, kind]),
      [["ann", "lobby", "typing"]],
    );
    subscription.close();
    assert.equal(service.engine.state("lobby" as RoomId).newest, 0);
  });

  test(`${format}: each RPC refuses what breaks the contract, and what is no message`, async () => {
    const service = testService();
    const bad = [
      call(service, sendMessage, format, { text: "hi" }),
      call(service, getHistory, format, { limit: 1_001 }),
      call(service, getHistory, format, { after: { epoch: 7 }, before: { epoch: 7 } }),
      call(service, listRooms, format, { prefix: "x".repeat(101) }),
      call(service, listMembers, format, { room: "/" }),
      call(service, sendSignal, format, { user: "ann", kind: "Typing" }),
    ];
    for (const outcome of await Promise.allSettled(bad)) {
      assert.ok(outcome.status === "rejected" && hasCode("INVALID_MESSAGE")(outcome.reason));
    }
    const broken = format === "proto" ? Uint8Array.of(0x0a, 9) : Buffer.from("{");
    for (const operation of service.service.unary.values()) {
      await assert.rejects(operation.call(format, broken, caller), hasCode("MALFORMED_MESSAGE"));
    }
  });
}

for (const format of formats) {
  test(`${format}: the largest pages of rooms, members and read marks are below the 1 MiB that clients take`, async () => {
    const service = testService();
    const names = Array.from({ length: 1_000 }, (_, index) => `${index}`.padStart(4, "0").padEnd(100, "x"));
    for (const name of names) await service.say(name, "hi");
    // 64 characters of four bytes each.
    const users = Array.from({ length: 1_000 }, (_, index) => `${1_000 + index}${"😀".repeat(60)}`);
    const [room = "", reader = ""] = [names[0], users[0]];
    for (const user of users) {
      service.engine.members.enter(room as RoomId, user);
      await service.hub.marks.move(room as RoomId, user, { epoch: 7, offset: 1 }, caller.share);
    }
    for (const [rpc, rest] of [
      [listRooms, { reader }],
      [listMembers, { room }],
      [listReadMarks, { room }],
    ] as const) {
      const asked = fromJsonString(rpc.input, JSON.stringify({ limit: 1_000, ...rest }));
      const request = format === "proto" ? toBinary(rpc.input, asked) : Buffer.from(toJsonString(rpc.input, asked));
      const operation = service.service.unary.get(rpc) ?? assert.fail(rpc.name);
      const { length: bytes } = await operation.call(format, request, caller);
      assert.ok(bytes > 50_000 && bytes < 1_048_576, `${rpc.name}: ${bytes} bytes`);
    }
  });
}

// A payload that no sender may send any more, in a log from before: no JSON reader came past it.
test("a stored payload that is too deep stays encoded in JSON", async () => {
  const started = testService();
  const payload = nested(wellKnownNestings["an Any in an Any"], 150);
  await started.hub.send({ user: "ann", text: "old", room: "attic", id: "", payload });
  const { messages } = await call(started, getHistory, "json", { room: "attic" });
  assert.equal(messages[0]?.payload, undefined);
  assert.deepEqual(messages[0]?.encodedPayload?.typeUrl, payload.typeUrl);
  assert.deepEqual(Buffer.from(messages[0]?.encodedPayload?.value ?? []), Buffer.from(payload.value));
});

test("MALFORMED_MESSAGE for a signal with a payload that is too deep, in both formats", async () => {
  const started = testService();
  const payload = create(AnySchema, nested(wellKnownNestings["an Any in an Any"], 60));
  for (const format of formats) {
    const signal = { user: "ann", room: "attic", kind: "wave", payload };
    await assert.rejects(call(started, sendSignal, format, signal), hasCode("MALFORMED_MESSAGE"), format);
  }
});
