import assert from "node:assert/strict";
import { test } from "node:test";
import { type DescMessage, fromJson, type JsonObject } from "@bufbuild/protobuf";
import { ClientFrameSchema } from "@confab/contract/gen/confab/v1/frame_pb";
import { UserSchema } from "@confab/contract/gen/confab/v1/message_pb";
import { ListReadMarksRequestSchema } from "@confab/contract/gen/confab/v1/read_mark_pb";
import {
  GetHistoryRequestSchema,
  ListMembersRequestSchema,
  ListRoomsRequestSchema,
} from "@confab/contract/gen/confab/v1/room_pb";
import { assertHandled, type KnownGaps, unsetFields } from "@confab/contract/testing/every-field";
import { FrameLink } from "./frames/frame-link.js";
import type { Link } from "./link.js";
import { RpcLink } from "./rpc/rpc-link.js";
import { settled } from "./sdk/testing/manual-clock.js";
import { SseLink } from "./sse/sse-link.js";
import { PlainLink } from "./websocket/plain-link.js";

// Between the requests of the contract and what goes out, links that use no encoded request name fields by hand. One that was
// missing there was dropped without an error.

const position = "3:4";
const gone = new Error("no server");
const filter = { users: ["ann", "bob"], payloadTypes: ["a.B"] };
const request = {
  room: "r",
  after: position,
  before: position,
  limit: 5,
  oldestFirst: true,
  changes: true,
  history: 5,
  folded: true,
  filter,
};
const listening = { room: "r", user: "ann", after: position, history: 5, changes: true, filter };
const options = { onSignal: () => undefined, onPresence: () => undefined };

const asksBySse: readonly (readonly [name: string, DescMessage, (link: Link) => Promise<unknown>])[] = [
  ["listen", UserSchema, (link) => link.listen(listening)],
  ["history", GetHistoryRequestSchema, (link) => link.history(request)],
  ["rooms", ListRoomsRequestSchema, (link) => link.rooms({ prefix: "r", limit: 5, page: "p", reader: "ann" })],
  ["members", ListMembersRequestSchema, (link) => link.members({ room: "r", limit: 5, page: "p" })],
  ["readMarks", ListReadMarksRequestSchema, (link) => link.readMarks({ room: "r", user: "ann", limit: 5, page: "p" })],
];

for (const [name, desc, ask] of asksBySse) {
  test(`every field of what ${name} asks is in the URL of the SSE link`, async () => {
    const urls: string[] = [];
    const fetch = async (url: string) => {
      urls.push(url);
      throw gone;
    };
    await assert.rejects(async () => ask(new SseLink({ url: "http://a" }, fetch, { token: undefined })));
    assertHandled(
      unsetFields(desc, fromUrl(desc, urls[0] ?? assert.fail())),
      `${name} in packages/client/src/sse/sse-link.ts`,
    );
  });
}

const pageOf = { messages: [], more: false, oldest: position, newest: position };

test("every field of a reader is in the URL of the plain WebSocket", async () => {
  const urls: string[] = [];
  const makeSocket = (url: string) => {
    urls.push(url);
    throw gone;
  };
  const aside = { history: async () => pageOf } as unknown as Link;
  const link = new PlainLink({ url: "http://a" }, { makeSocket, aside });
  await assert.rejects(link.listen(listening));
  const gaps = { "confab.v1.User.history": "after says where reading begins" };
  const asked = fromUrl(UserSchema, urls[0] ?? assert.fail());
  assertHandled(unsetFields(UserSchema, asked, { gaps }), "packages/client/src/websocket/plain-link.ts");
});

test("every field of a reader is in StreamMessages, also where its start is asked for first", async () => {
  for (const after of [position, undefined]) {
    const streams: JsonObject[] = [];
    const caller = {
      format: "json" as const,
      showsHeadsAtOnce: false,
      unary: async () => Buffer.from('{"oldest":{"epoch":3,"offset":"1"},"newest":{"epoch":3,"offset":"9"}}'),
      serverStream: async (_method: string, bytes: Uint8Array) => {
        streams.push(JSON.parse(Buffer.from(bytes).toString()));
        throw gone;
      },
      close: () => undefined,
    };
    const link = new RpcLink("connect", { caller, credentials: { token: undefined }, types: undefined });
    await assert.rejects(link.listen({ ...listening, after }), gone);
    const gaps: KnownGaps = after ? {} : { "confab.v1.User.history": "after says where reading begins" };
    const asked = fromJson(UserSchema, streams[0] ?? assert.fail());
    assertHandled(unsetFields(UserSchema, asked, { gaps }), "packages/client/src/rpc/rpc-link.ts");
  }
});

test("every member of ClientFrame is sent by a link of frames, with every field", async () => {
  const sent: JsonObject[] = [];
  let say: (frame: object) => void = () => assert.fail("the channel was not opened");
  const link = new FrameLink(
    { url: "http://a" },
    {
      transport: "websocket-json",
      format: "json",
      openChannel: (events) => {
        say = (frame) => events.onMessage(JSON.stringify(frame));
        return { isOpen: true, send: (frame) => sent.push(JSON.parse(String(frame))), close: events.onClosed };
      },
      aside: { authenticate: async () => undefined, close: () => undefined } as unknown as Link,
    },
  );
  const leaving = new AbortController();
  const payload = { typeUrl: "x/confab.v1.Position", value: Uint8Array.of(0x0d, 7, 0, 0, 0) };
  const change = { user: "ann", room: "r", id: "1", position };
  // More than one frame may name.
  const manyRooms = new Map(Array.from({ length: 100 }, (_, at) => [`t.${at}`, position]));
  const asked = Promise.allSettled([
    link.listen(listening, { ...options, signal: leaving.signal }),
    link.send({ user: "ann", text: "hi", room: "r", id: "1", payload }),
    link.sendAll({
      room: "r",
      messages: [{ user: "ann", text: "hi", room: "r", id: "1", payload }],
      expected: position,
    }),
    link.change({ ...change, kind: "edit", text: "hi", payload }),
    link.change({ ...change, kind: "delete" }),
    link.change({ ...change, kind: "react", emoji: "+1", removed: true }),
    link.signal({ user: "ann", room: "r", kind: "read", position, payload }),
    link.history(request),
    link.markRead({ user: "ann", room: "r", position }),
    link.listenPrefix(
      { prefix: "t.", user: "ann", after: manyRooms, resumed: true, history: 5, changes: true },
      {
        ...options,
        signal: leaving.signal,
        onRoom: () => undefined,
        onGap: () => undefined,
        onComplete: () => undefined,
      },
    ),
  ]);
  say({ welcome: {} });
  await settled();
  void link.authenticate("t").catch(() => undefined);
  await settled();
  leaving.abort();
  await settled();
  link.close();
  await asked;
  const frames = sent.map((json) => fromJson(ClientFrameSchema, json));
  const gaps: Readonly<Record<string, string>> = {
    "confab.v1.ClientFrame.pong": "any word from a client counts",
    "confab.v1.SubscribePrefix.presence": "a prefix is read without presence",
    "confab.v1.ChatMessage.position": "the server sets it",
    "confab.v1.ChatMessage.sent_at": "the server sets it",
    "confab.v1.ChatMessage.deleted": "a sender that sets it is refused",
    "confab.v1.ChatMessage.change": "a sender that sets it is refused",
    "confab.v1.ChatMessage.view": "the server sets it",
    "confab.v1.SendMessagesRequest.messages.view": "the server sets it",
    "confab.v1.SendMessagesRequest.messages.deleted": "a sender that sets it is refused",
    "confab.v1.SendMessagesRequest.messages.change": "a sender that sets it is refused",
    "confab.v1.EditMessageRequest.payload": "encoded_payload has a payload of an unknown type",
    "confab.v1.ChatMessage.payload": "encoded_payload has a payload of an unknown type",
    "confab.v1.SendMessagesRequest.messages.position": "the server sets it",
    "confab.v1.SendMessagesRequest.messages.sent_at": "the server sets it",
    "confab.v1.SendMessagesRequest.messages.payload": "encoded_payload has a payload of an unknown type",
    "confab.v1.Signal.payload": "encoded_payload has a payload of an unknown type",
  };
  const [{ fields } = assert.fail()] = ClientFrameSchema.oneofs;
  for (const { name, localName, message } of fields) {
    const sentSo = frames.filter(({ frame }) => frame.case === localName);
    const unset = sentSo.map(({ frame }) => unsetFields(message ?? assert.fail(), frame.value as never));
    // A field need not be in each frame of a kind: it must be in one of them.
    const everywhere = unset[0]?.filter((field) => unset.every((each) => each.includes(field)));
    assertHandled(
      (everywhere ?? [`confab.v1.ClientFrame.${name}`]).filter((field) => !(field in gaps)),
      "packages/client/src/frames/frame-link.ts",
    );
  }
});

/** What a REST request or a plain WebSocket asks: the room of the path, and the query. */
function fromUrl<Desc extends DescMessage>(desc: Desc, text: string) {
  const { pathname, searchParams } = new URL(text);
  const room = pathname.match(/^\/v1\/rooms\/([^/]+)/)?.[1];
  const query: JsonObject = {};
  const filters: Record<string, string[]> = {};
  for (const [name, value] of searchParams) {
    const [epoch, offset] = value.split(":");
    const [, inFilter] = /^filter\.(.+)$/.exec(name) ?? [];
    if (inFilter === undefined)
      query[name] = offset === undefined ? (value === "true" ? true : value) : { epoch: Number(epoch), offset };
    else filters[inFilter] = [...(filters[inFilter] ?? []), value];
  }
  return fromJson(desc, {
    ...(room && { room }),
    ...query,
    ...(Object.keys(filters).length > 0 && { filter: filters }),
  });
}
