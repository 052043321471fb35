import assert from "node:assert/strict";
import { test } from "node:test";
import { create } from "@bufbuild/protobuf";
import { ConfabError } from "@confab/contract";
import {
  DisconnectRequestSchema,
  ListConnectionsRequestSchema,
} from "@confab/contract/gen/confab/v1/admin_connections_pb";
import {
  DeleteRoomRequestSchema,
  EraseUserRequestSchema,
  GetRoomRetentionRequestSchema,
  PublishRequestSchema,
  ScrubRequestSchema,
  SetRoomRetentionRequestSchema,
} from "@confab/contract/gen/confab/v1/admin_rooms_pb";
import {
  EraseMessageRequestSchema,
  ListRevocationsRequestSchema,
  RevokeRequestSchema,
} from "@confab/contract/gen/confab/v1/admin_service_pb";
import {
  DeleteMessageRequestSchema,
  EditMessageRequestSchema,
  ReactRequestSchema,
  SendMessagesRequestSchema,
  UserSchema,
} from "@confab/contract/gen/confab/v1/message_pb";
import { ListReadMarksRequestSchema, MarkReadRequestSchema } from "@confab/contract/gen/confab/v1/read_mark_pb";
import {
  GetHistoryRequestSchema,
  ListMembersRequestSchema,
  ListRoomsRequestSchema,
  SignalSchema,
} from "@confab/contract/gen/confab/v1/room_pb";
import { SubscribePrefixSchema } from "@confab/contract/gen/confab/v1/room_prefix_pb";
import { roomIdFrom } from "../../core/index.js";
import { RecordingSink } from "../../testing/recording-sink.js";
import { testCaller } from "../../testing/test-caller.js";
import { testService } from "../../testing/test-service.js";
import { cost } from "../../work/index.js";
import type { Caller } from "./caller.js";
import type { Operations } from "./operations.js";
import type { PrefixForm } from "./prefix-reading.js";
import { type Principal, unrestricted } from "./principal.js";

const form = { begin: async () => undefined, maxBytes: 1_000, sizesOf: () => [], unitsPerEntry: 1, unitsPerKib: 1 };
const listing = { begin: form.begin, unitsPerItem: 1, take: () => undefined };

const noRooms: PrefixForm = {
  take: () => false,
  sinkOf: () => new RecordingSink(),
  began: () => undefined,
  refused: () => undefined,
  closed: () => undefined,
  failed: () => undefined,
};

/** Of no message: the log says so, once it is asked. */
const ofNoMessage = { user: "ann", room: "den", position: { epoch: 7, offset: 1n } };

async function outOfRange(asked: Promise<unknown>): Promise<void> {
  await asked.catch((error) => assert.equal(error.code, "OUT_OF_RANGE"));
}

/** Every operation, asked for in room `den`. The compiler demands a new one here. */
const asking: { readonly [Name in keyof Operations]: (operations: Operations, caller: Caller) => unknown } = {
  send: ({ send }, caller) => send({ user: "ann", text: "hi", room: "den", id: "" }, caller),
  sendAll: ({ sendAll }, caller) =>
    sendAll(create(SendMessagesRequestSchema, { room: "den", messages: [{ user: "ann", text: "hi" }] }), caller),
  subscribe: ({ subscribe }, caller) =>
    subscribe({ reader: create(UserSchema, { room: "den" }) }, caller, new RecordingSink()),
  subscribePrefix: ({ subscribePrefix }, caller) =>
    subscribePrefix(create(SubscribePrefixSchema, { prefix: "den" }), caller, noRooms),
  newest: ({ newest }, caller) => newest(roomIdFrom("den"), caller),
  history: ({ history }, caller) => history(create(GetHistoryRequestSchema, { room: "den" }), caller, form),
  rooms: ({ rooms }, caller) => rooms(create(ListRoomsRequestSchema), caller, listing),
  members: ({ members }, caller) => members(create(ListMembersRequestSchema, { room: "den" }), caller, listing),
  signal: ({ signal }, caller) => signal(create(SignalSchema, { user: "ann", room: "den", kind: "typing" }), caller),
  revoke: ({ revoke }, caller) => revoke(create(RevokeRequestSchema, { user: "ann" }), caller),
  erase: ({ erase }, caller) =>
    outOfRange(erase(create(EraseMessageRequestSchema, { room: "den", position: { epoch: 7, offset: 1n } }), caller)),
  edit: ({ edit }, caller) =>
    outOfRange(edit(create(EditMessageRequestSchema, { ...ofNoMessage, text: "hi" }), caller)),
  deleteMessage: ({ deleteMessage }, caller) =>
    outOfRange(deleteMessage(create(DeleteMessageRequestSchema, ofNoMessage), caller)),
  react: ({ react }, caller) => outOfRange(react(create(ReactRequestSchema, { ...ofNoMessage, emoji: "+1" }), caller)),
  connections: ({ connections }, caller) => connections(create(ListConnectionsRequestSchema), caller, listing),
  disconnect: ({ disconnect }, caller) => disconnect(create(DisconnectRequestSchema, { user: "ann" }), caller),
  setRoomRetention: ({ setRoomRetention }, caller) =>
    outOfRange(setRoomRetention(create(SetRoomRetentionRequestSchema, { room: "den" }), caller)),
  roomRetention: ({ roomRetention }, caller) =>
    roomRetention(create(GetRoomRetentionRequestSchema, { room: "den" }), caller),
  publish: ({ publish }, caller) =>
    publish(create(PublishRequestSchema, { rooms: ["den"], message: { user: "ann", text: "x" } }), caller, form),
  scrub: ({ scrub }, caller) => scrub(create(ScrubRequestSchema), caller),
  deleteRoom: ({ deleteRoom }, caller) => deleteRoom(create(DeleteRoomRequestSchema, { room: "den" }), caller),
  eraseUser: ({ eraseUser }, caller) => eraseUser(create(EraseUserRequestSchema, { user: "ann" }), caller, form),
  markRead: ({ markRead }, caller) => outOfRange(markRead(create(MarkReadRequestSchema, ofNoMessage), caller)),
  readMarks: ({ readMarks }, caller) =>
    readMarks(create(ListReadMarksRequestSchema, { room: "den", user: "ann" }), caller, listing),
  revocations: ({ revocations }, caller) => revocations(create(ListRevocationsRequestSchema), caller, listing),
};

const needed: { readonly [Name in keyof Operations]: string } = {
  send: "send den",
  sendAll: "send den",
  edit: "send den",
  deleteMessage: "send den",
  react: "send den",
  subscribe: "read den",
  subscribePrefix: "read some room",
  newest: "read den",
  history: "history den",
  rooms: "list some room",
  members: "members den",
  signal: "signal den",
  markRead: "read den",
  readMarks: "read den",
  revoke: "admin all rooms",
  revocations: "admin all rooms",
  connections: "admin all rooms",
  disconnect: "admin all rooms",
  erase: "admin all rooms",
  setRoomRetention: "admin all rooms",
  roomRetention: "admin all rooms",
  publish: "admin all rooms",
  scrub: "admin all rooms",
  deleteRoom: "admin all rooms",
  eraseUser: "admin all rooms",
};

for (const name of Object.keys(asking) as (keyof Operations)[]) {
  test(`${name} asks whether its caller may, in which room, and does nothing for one that may not`, async () => {
    const { service, engine } = testService();
    const questions: string[] = [];
    const may = (isAllowed: boolean): Principal => ({
      ...unrestricted,
      may: (action, scope) => {
        questions.push(`${action} ${scope}`);
        return isAllowed;
      },
    });
    const caller = testCaller();
    const spent: number[] = [];
    caller.share.spend = (units) => void spent.push(units);
    const run = async (principal: Principal) => asking[name](service.operations, { ...caller, principal });
    const untouched = new Proxy(engine.log, {
      get: () => {
        throw new Error("the log was asked");
      },
    });
    Object.assign(engine, { log: untouched });
    await assert.rejects(
      run(may(false)),
      (error) => error instanceof ConfabError && error.code === "PERMISSION_DENIED",
    );
    assert.deepEqual(questions, [needed[name]]);
    assert.deepEqual(spent, [cost.error], "the refusal is accounted for when it is decided");
    Object.assign(engine, { log: testService().engine.log });
    await run(may(true));
    // Whether the caller may create the room is asked by the send itself.
    assert.deepEqual(questions.slice(0, 2), [needed[name], needed[name]]);
  });
}

test("a violation names the field where it stands in what the client sent", async () => {
  const { operations } = testService().service;
  const reader = create(UserSchema, { history: 1_001 });
  for (const [within, field] of [
    [undefined, "history"],
    ["reader.", "reader.history"],
  ] as const) {
    const asked = { reader, ...(within && { within }) };
    await assert.rejects(
      async () => operations.subscribe(asked, testCaller(), new RecordingSink()),
      (error) => error instanceof ConfabError && error.facts.violations?.[0]?.field === field,
    );
  }
});
