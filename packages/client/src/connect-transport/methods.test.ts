import { test } from "node:test";
import { create, type DescMessage, fromBinary, type MessageShape, toBinary } from "@bufbuild/protobuf";
import {
  ChatMessageSchema,
  ChatResponseSchema,
  DeleteMessageRequestSchema,
  EditMessageRequestSchema,
  ReactRequestSchema,
  SendMessagesRequestSchema,
  SendMessagesResponseSchema,
  UserSchema,
} from "@confab/contract/gen/confab/v1/message_pb";
import {
  ListReadMarksRequestSchema,
  ListReadMarksResponseSchema,
  MarkReadRequestSchema,
  MarkReadResponseSchema,
} from "@confab/contract/gen/confab/v1/read_mark_pb";
import {
  GetHistoryRequestSchema,
  GetHistoryResponseSchema,
  ListMembersRequestSchema,
  ListMembersResponseSchema,
  ListRoomsRequestSchema,
  ListRoomsResponseSchema,
  SignalSchema,
} from "@confab/contract/gen/confab/v1/room_pb";
import { assertHandled, ignoredFields, type KnownGaps, unsetFields } from "@confab/contract/testing/every-field";
import type { Link } from "../link.js";
import { callMethod, readRoom } from "./methods.js";

const methodsFile = "packages/client/src/connect-transport/methods.ts";

const serversToSet = {
  "confab.v1.ChatMessage.position.epoch": "the server sets it",
  "confab.v1.ChatMessage.position.offset": "the server sets it",
  "confab.v1.ChatMessage.sent_at.seconds": "the server sets it",
  "confab.v1.ChatMessage.sent_at.nanos": "the server sets it",
  "confab.v1.ChatMessage.deleted": "the server sets it; links have no such field to send",
  ...Object.fromEntries(
    [
      ...["edited.user", "edited.offset", "edited.at.seconds", "edited.at.nanos"],
      ...["reactions.emoji", "reactions.count", "reactions.users.name"],
    ].map((field) => [`confab.v1.ChatMessage.view.${field}`, "the server sets view in folded pages"]),
  ),
  "confab.v1.ChatMessage.change.target": "the server sets change; links have no such field to send",
  "confab.v1.ChatMessage.change.reaction.emoji": "the server sets change; links have no such field to send",
  "confab.v1.ChatMessage.change.reaction.removed": "the server sets change; links have no such field to send",
};

const batchedToSet = Object.fromEntries(
  Object.entries(serversToSet).map(([field, reason]) => [
    field.replace("ChatMessage", "SendMessagesRequest.messages"),
    reason,
  ]),
);

/** The server requires it, and a link without one is not asked. */
const position = { position: { epoch: 3, offset: 4n } };

const methods: readonly (readonly [method: string, desc: DescMessage, gaps?: KnownGaps, base?: object])[] = [
  ["SendMessage", ChatMessageSchema, serversToSet],
  ["SendMessages", SendMessagesRequestSchema, batchedToSet],
  ["EditMessage", EditMessageRequestSchema, {}, position],
  ["DeleteMessage", DeleteMessageRequestSchema, {}, position],
  ["React", ReactRequestSchema, {}, position],
  ["GetHistory", GetHistoryRequestSchema],
  ["ListRooms", ListRoomsRequestSchema],
  ["ListMembers", ListMembersRequestSchema],
  ["MarkRead", MarkReadRequestSchema, {}, position],
  ["ListReadMarks", ListReadMarksRequestSchema],
  ["SendSignal", SignalSchema],
];

for (const [method, desc, gaps = {}, base = {}] of methods) {
  test(`${method} gives every field of its request to the link`, () => {
    assertHandled(
      ignoredFields(desc, (message) => requestTo(method, desc, message), { base, gaps }),
      `${method} in ${methodsFile}`,
    );
  });
}

test("StreamMessages gives every field of its request to the link, and every field of a message to the caller", async () => {
  async function* one(message: MessageShape<typeof UserSchema>) {
    yield toBinary(UserSchema, message);
  }
  // The request comes from a stream, so what the link is asked is known a few turns later.
  const asked = new Map<MessageShape<typeof UserSchema>, unknown>();
  const ask = async (message: MessageShape<typeof UserSchema>) => {
    const listen = async (request: unknown) => {
      asked.set(message, request);
      return Promise.reject(new Error("asked"));
    };
    const read = readRoom({ listen } as unknown as Link, one(message), new AbortController().signal);
    await read.catch(() => undefined);
  };
  const readers: MessageShape<typeof UserSchema>[] = [];
  ignoredFields(UserSchema, (reader) => readers.push(reader));
  for (const reader of readers) await ask(reader);
  const results = readers.map((reader) => asked.get(reader));
  assertHandled(
    ignoredFields(UserSchema, () => results.shift()),
    `readRoom in ${methodsFile}`,
  );

  const listening = Object.assign(
    (async function* () {
      yield message;
    })(),
    { position: "3:4" },
  );
  const { replies } = await readRoom(
    { listen: async () => listening } as unknown as Link,
    one(create(UserSchema)),
    new AbortController().signal,
  );
  for await (const bytes of replies) assertWritten(ChatMessageSchema, bytes, "readRoom");
});

const payload = { typeUrl: "x/shop.Order", value: Uint8Array.of(8, 1) };
const change = { target: "3:2", kind: "reaction", emoji: "+1", removed: true };
const edited = { user: "bob", position: "3:9", at: new Date(2_002) };
const reactions = [{ emoji: "+1", count: 1, users: ["ann"] }];
const others = { sentAt: new Date(1_001), payload, deleted: true, change, edited, reactions };
const message = { user: "ann", text: "hi", room: "r", id: "1", position: "3:4", ...others };
const room = {
  name: "r",
  oldest: "3:1",
  newest: "3:4",
  messages: 4,
  members: 1,
  subscribers: 1,
  readMark: "3:2",
  unread: 2,
};
const mark = { user: "ann", room: "r", position: "3:4", unread: 1, at: new Date(1_001) };

const answers: readonly (readonly [method: string, desc: DescMessage, answer: unknown, request?: Uint8Array])[] = [
  ["SendMessage", ChatResponseSchema, { id: "1", position: "3:4", sentAt: new Date(1_001), duplicate: true }],
  [
    "SendMessages",
    SendMessagesResponseSchema,
    [{ id: "1", position: "3:4", sentAt: new Date(1_001), duplicate: true }],
  ],
  [
    "GetHistory",
    GetHistoryResponseSchema,
    { messages: [message], more: true, oldest: "3:1", newest: "3:4", start: "3:2" },
  ],
  ["ListRooms", ListRoomsResponseSchema, { rooms: [room], nextPage: "r" }],
  ["ListMembers", ListMembersResponseSchema, { members: [{ user: "ann", connections: 1 }], nextPage: "ann", total: 2 }],
  ["MarkRead", MarkReadResponseSchema, mark, toBinary(MarkReadRequestSchema, create(MarkReadRequestSchema, position))],
  ["ListReadMarks", ListReadMarksResponseSchema, { marks: [mark], nextPage: "ann" }],
];

for (const [method, desc, answer, request = new Uint8Array(0)] of answers) {
  test(`${method} gives every field of the link's answer to the caller`, async () => {
    const link = new Proxy({}, { get: () => async () => answer }) as Link;
    assertWritten(desc, await callMethod(link, method, request, {}), method);
  });
}

function assertWritten(desc: DescMessage, bytes: Uint8Array, by: string): void {
  const unset = unsetFields(desc, fromBinary(desc, bytes));
  // The members of a oneof that are not set, and one of two fields for a payload.
  const others = unset.filter((field) => !/\.(encoded_payload|change\.edit|change\.deletion)$/.test(field));
  assertHandled(others, `${by} in ${methodsFile}`);
}

/** What the link is asked. A call asks before it awaits anything; its answer does not matter here. */
function requestTo(method: string, desc: DescMessage, message: MessageShape<DescMessage>): unknown {
  let asked: unknown;
  const ask = (request: unknown): Promise<never> => {
    asked = request;
    return new Promise(() => undefined);
  };
  const link: Omit<
    Link,
    "transport" | "keepsSendOrder" | "hearsSignals" | "open" | "listen" | "authenticate" | "close"
  > = {
    send: ask,
    sendAll: ask,
    change: ask,
    history: ask,
    rooms: ask,
    members: ask,
    signal: ask,
    markRead: ask,
    readMarks: ask,
  };
  void callMethod(link as Link, method, toBinary(desc, message), {});
  const { $typeName: _, $unknown: __, ...fields } = asked as Record<string, unknown>;
  return fields;
}
