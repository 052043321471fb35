import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { create, fromJson, type JsonValue, type MessageInitShape, toBinary, toJsonString } from "@bufbuild/protobuf";
import { SendMessagesRequestSchema } from "@confab/contract/gen/confab/v1/message_pb";
import { type ServerProcess, startServerProcess } from "../fixture/server-process.js";
import { rawBatchSenders } from "./raw-senders.js";

// Batches on every transport that takes them: what is stored of them, and what is refused, is the same on all.

type Asked = MessageInitShape<typeof SendMessagesRequestSchema>;

const saying = (...texts: string[]) => texts.map((text) => ({ user: "ann", text }));
const order = { typeUrl: "example.com/shop.Order", value: new Uint8Array([0x68, 0x69]) };

const said: readonly (readonly [what: string, asked: Asked, code: string])[] = [
  ["a good batch", { room: "good", messages: saying("1", "2", "3") }, "stored"],
  [
    "a batch whose messages name its room, with ids and payloads",
    {
      room: "good",
      messages: [
        { user: "ann", room: "good", id: "a:1", encodedPayload: order },
        { user: "bob", text: "b", encodedPayload: order },
      ],
    },
    "stored",
  ],
  ["100 messages", { room: "many", messages: saying(...Array(100).fill("x")) }, "stored"],
  ["101 messages", { room: "none", messages: saying(...Array(101).fill("x")) }, "INVALID_MESSAGE"],
  ["no message", { room: "none" }, "INVALID_MESSAGE"],
  ["a bad message among good ones", { room: "none", messages: [...saying("1"), { text: "2" }] }, "INVALID_MESSAGE"],
  [
    "a message for another room",
    { room: "none", messages: [...saying("1"), { user: "ann", text: "2", room: "lair" }] },
    "INVALID_MESSAGE",
  ],
  ["a room with a blank", { room: "a b", messages: saying("1") }, "INVALID_MESSAGE"],
  [
    "a position that the room is not at",
    { room: "none", messages: saying("1"), expected: { epoch: 1, offset: 5n } },
    "UNEXPECTED_POSITION",
  ],
  ["a message over its limit", { room: "none", messages: saying("1", "x".repeat(65_536)) }, "PAYLOAD_TOO_LARGE"],
  [
    "messages that together just fit into one",
    { room: "large", messages: saying("x".repeat(32_000), "y".repeat(33_300)) },
    "stored",
  ],
  [
    "messages that together just fit into one, and that JSON spells in six bytes a character",
    { room: "large", messages: saying("\u0001".repeat(32_000), "\u0002".repeat(33_300)) },
    "stored",
  ],
  [
    "messages that together are larger than one may be",
    { room: "none", messages: saying("x".repeat(32_000), "y".repeat(33_536)) },
    "PAYLOAD_TOO_LARGE",
  ],
  ["a request over its limit", { room: "none", messages: saying("x".repeat(500_000)) }, "PAYLOAD_TOO_LARGE"],
];

/** Requests that differ in their spelling only, and bytes that are not a request. */
const spelled: readonly (readonly [what: string, format: "proto" | "json", bytes: Uint8Array, code?: string])[] = [
  [
    "payloads in several messages",
    "json",
    Buffer.from(
      '{"room":"spelled","messages":[{"user":"ann","text":"hi"},{"user":"ann","payload":{"@type":"x/a.B","value":"aGk="}},{"user":"ann","payload":{"@type":"x/a.B","value":"aG8="}}]}',
    ),
    "stored",
  ],
  ["an object in place of the list", "json", Buffer.from('{"messages":{"user":"ann","text":"hi"}}')],
  ["a text in place of a message", "json", Buffer.from('{"messages":["hi"]}')],
  [
    "a payload with broken base64",
    "json",
    Buffer.from('{"messages":[{"user":"ann","payload":{"@type":"x/a.B","value":"aGk"}}]}'),
  ],
  ["a truncated field", "proto", Buffer.from([0x12, 0x05, 0x61])],
];

describe("a batch, on every transport", () => {
  let server: ServerProcess;
  before(async () => {
    server = await startServerProcess();
  });
  after(() => server.stop());

  for (const [what, asked, code] of said) {
    it(`answers ${what} with ${code}`, async () => {
      const request = create(SendMessagesRequestSchema, asked);
      const outcomes = await Promise.all(
        rawBatchSenders.map(async ({ name, format, send }) => [name, await send(server.url, encoded(format, request))]),
      );
      assert.deepEqual(
        Object.fromEntries(outcomes),
        Object.fromEntries(rawBatchSenders.map(({ name }) => [name, code])),
      );
      if (code !== "stored") assert.deepEqual(await textsIn("none"), []);
    });
  }

  for (const [what, format, bytes, code = "MALFORMED_MESSAGE"] of spelled) {
    it(`answers ${what} with ${code}`, async () => {
      for (const { name, send } of rawBatchSenders.filter((sender) => sender.format === format))
        assert.equal(await send(server.url, bytes), code, name);
    });
  }

  it("is stored whole and in order, among batches of all other transports and single messages", async () => {
    const single = async (index: number) =>
      assert.equal((await post("/v1/rooms/mixed/messages", { user: "one", text: `${index}` })).status, 200);
    await Promise.all([
      ...rawBatchSenders.map(async ({ name, format, send }) => {
        for (let round = 0; round < 5; round++) {
          const messages = [1, 2, 3, 4].map((part) => ({ user: name, text: `${round}.${part}` }));
          const request = create(SendMessagesRequestSchema, { room: "mixed", messages });
          assert.equal(await send(server.url, encoded(format, request)), "stored", name);
        }
      }),
      ...Array.from({ length: 40 }, (_, index) => single(index)),
    ]);
    const messages = await messagesIn("mixed");
    assert.equal(messages.length, rawBatchSenders.length * 20 + 40);
    for (const { name } of rawBatchSenders) {
      const own = messages.flatMap((message, at) => (message.user === name ? [{ ...message, at }] : []));
      assert.deepEqual(
        own.map(({ text }) => text),
        [0, 1, 2, 3, 4].flatMap((round) => [1, 2, 3, 4].map((part) => `${round}.${part}`)),
        name,
      );
      for (const [index, { at }] of own.entries())
        if (index % 4 > 0) assert.equal(at, (own[index - 1]?.at ?? 0) + 1, `${name}, ${index}`);
    }
  });

  it("has one winner where all transports expect the same position, and the same ids again store nothing", async () => {
    const { newest } = (await (await fetch(`${server.url}/v1/rooms/race/messages`)).json()) as {
      newest: JsonValue;
    };
    const asked = (user: string) =>
      fromJson(SendMessagesRequestSchema, {
        room: "race",
        expected: newest,
        messages: ["1", "2"].map((text) => ({ user, text, id: text })),
      });
    const race = () =>
      Promise.all(rawBatchSenders.map(({ name, format, send }) => send(server.url, encoded(format, asked(name)))));
    const outcomes = await race();
    assert.equal(outcomes.filter((outcome) => outcome === "stored").length, 1, outcomes.join());
    assert.ok(
      outcomes.every((outcome) => ["stored", "UNEXPECTED_POSITION"].includes(outcome)),
      outcomes.join(),
    );
    assert.deepEqual(await race(), outcomes);
    assert.deepEqual(await textsIn("race"), ["1", "2"]);
  });

  it("is refused with the room's range, and each protocol's own status", async () => {
    await post("/v1/rooms/known/messages", { user: "ann", text: "1" });
    const body = { room: "known", expected: { epoch: 1, offset: "7" }, messages: [{ user: "ann", text: "2" }] };
    const rest = await post("/v1/rooms/known/messages:batch", body);
    const { error } = (await rest.json()) as { error: { code: string; retry?: boolean; details: JsonValue[] } };
    assert.deepEqual([rest.status, error.code, error.retry ?? false], [409, "UNEXPECTED_POSITION", false]);
    const range = error.details.map((detail) => detail as { readonly newest?: { readonly offset: string } });
    assert.deepEqual(
      range.flatMap(({ newest }) => newest?.offset ?? []),
      ["1"],
    );
    const connect = await post("/confab.v1.ChatService/SendMessages", body);
    assert.deepEqual([connect.status, ((await connect.json()) as { code: string }).code], [409, "aborted"]);
  });

  it("is answered by one acknowledgement for each message", async () => {
    const messages = ["1", "2", "1"].map((id) => ({ user: "ann", text: "hi", id }));
    const answer = await (await post("/v1/rooms/acks/messages:batch", { messages })).json();
    const { acks } = answer as { acks: { id: string; position: { offset: string }; duplicate?: boolean }[] };
    assert.deepEqual(
      acks.map(({ id, position, duplicate = false }) => [id, position.offset, duplicate]),
      [
        ["1", "1", false],
        ["2", "2", false],
        ["1", "1", true],
      ],
    );
  });

  function post(path: string, body: object): Promise<Response> {
    const headers = { "content-type": "application/json" };
    return fetch(server.url + path, { method: "POST", headers, body: JSON.stringify(body) });
  }

  async function messagesIn(room: string): Promise<readonly { readonly user: string; readonly text: string }[]> {
    const response = await fetch(`${server.url}/v1/rooms/${room}/messages?oldest_first=true&limit=1000`);
    return ((await response.json()) as { messages?: { user: string; text: string }[] }).messages ?? [];
  }

  async function textsIn(room: string): Promise<string[]> {
    return (await messagesIn(room)).map(({ text }) => text);
  }
});

function encoded(format: "proto" | "json", request: ReturnType<typeof create<typeof SendMessagesRequestSchema>>) {
  if (format === "proto") return toBinary(SendMessagesRequestSchema, request);
  return Buffer.from(toJsonString(SendMessagesRequestSchema, request));
}
