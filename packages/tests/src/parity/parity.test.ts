import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { create, type MessageInitShape, toBinary, toJsonString } from "@bufbuild/protobuf";
import { ChatMessageSchema } from "@confab/contract/gen/confab/v1/message_pb";
import { type ServerProcess, startServerProcess } from "../fixture/server-process.js";
import { rawSenders } from "./raw-senders.js";

// The same bad message on every transport, and the same code from each. What was accepted on one transport and refused on
// another is how two models of one contract begin.

const maxMessageBytes = 65_536;

/** A message that should be refused, or not, for what it says. */
const said: readonly (readonly [what: string, message: MessageInitShape<typeof ChatMessageSchema>, code: string])[] = [
  ["a good message", { user: "ann", text: "hi" }, "stored"],
  [
    "a good message with everything a sender may set",
    { user: "ann b", text: "hé\n🌍", room: "x.y_z-1", id: "a:1" },
    "stored",
  ],
  [
    "fields that are the server's to set",
    { user: "ann", text: "hi", position: { epoch: 1, offset: 7n }, sentAt: { seconds: 1n } },
    "stored",
  ],
  ["64 characters of user", { user: "🌍".repeat(64), text: "hi" }, "stored"],
  ["65 characters of user", { user: "🌍".repeat(65), text: "hi" }, "INVALID_MESSAGE"],
  ["no user", { text: "hi" }, "INVALID_MESSAGE"],
  ["a control character in the user", { user: "an\nn", text: "hi" }, "INVALID_MESSAGE"],
  ["a line break at the end of the user", { user: "ann\n", text: "hi" }, "INVALID_MESSAGE"],
  ["a user of a space", { user: " ", text: "hi" }, "INVALID_MESSAGE"],
  ["a user of spaces without a width or a shape", { user: "\u200b\u3164", text: "hi" }, "INVALID_MESSAGE"],
  ["a user with a bidi override", { user: "ann\u202e", text: "hi" }, "INVALID_MESSAGE"],
  ["a user with a bidi isolate", { user: "\u2066ann\u2069", text: "hi" }, "INVALID_MESSAGE"],
  ["users with joiners that their scripts need", { user: "علی\u200cرضا രാജന്\u200d 👩\u200d💻", text: "hi" }, "stored"],
  ["neither text nor payload", { user: "ann" }, "INVALID_MESSAGE"],
  ["the mark of an erased message", { user: "ann", text: "hi", deleted: true }, "INVALID_MESSAGE"],
  ["a payload without a type", { user: "ann", payload: { typeUrl: "" } }, "INVALID_MESSAGE"],
  ["a payload without a type beside a text", { user: "ann", text: "hi", payload: {} }, "INVALID_MESSAGE"],
  ["a room with a slash", { user: "ann", text: "hi", room: "a/b" }, "INVALID_MESSAGE"],
  ["a room with braces", { user: "ann", text: "hi", room: "{a}" }, "INVALID_MESSAGE"],
  ["a room of 101 characters", { user: "ann", text: "hi", room: "r".repeat(101) }, "INVALID_MESSAGE"],
  ["a line break at the end of the room", { user: "ann", text: "hi", room: "a\n" }, "INVALID_MESSAGE"],
  ["a blank in the id", { user: "ann", text: "hi", id: "a b" }, "INVALID_MESSAGE"],
  ["an id of 65 characters", { user: "ann", text: "hi", id: "i".repeat(65) }, "INVALID_MESSAGE"],
  ["a text just within the limit", { user: "ann", text: "x".repeat(maxMessageBytes - 80), room: "big" }, "stored"],
  ["a text just over the limit", { user: "ann", text: "x".repeat(maxMessageBytes), room: "big" }, "PAYLOAD_TOO_LARGE"],
  [
    "a text far over the limit",
    { user: "ann", text: "x".repeat(8 * maxMessageBytes), room: "big" },
    "PAYLOAD_TOO_LARGE",
  ],
  [
    "a text within the limit that JSON spells in six bytes a character",
    { user: "ann", text: "\u0001".repeat(maxMessageBytes - 80), room: "big" },
    "stored",
  ],
];

/** Bytes that are no message at all. */
const garbled: readonly (readonly [what: string, format: "proto" | "json", bytes: Uint8Array, code: string])[] = [
  ["broken JSON", "json", Buffer.from('{"user":"ann","text":'), "MALFORMED_MESSAGE"],
  ["a value of the wrong type", "json", Buffer.from('{"user":7,"text":"hi"}'), "MALFORMED_MESSAGE"],
  ["half a surrogate pair in the user", "json", Buffer.from('{"user":"\\ud83c","text":"hi"}'), "MALFORMED_MESSAGE"],
  [
    "half a surrogate pair in the user in UTF-8",
    "proto",
    Buffer.from("0a03eda0bc12026869", "hex"),
    "MALFORMED_MESSAGE",
  ],
  ["half a surrogate pair", "json", Buffer.from('{"user":"ann","text":"\\ud83c"}'), "MALFORMED_MESSAGE"],
  [
    "a payload with a value and no type",
    "json",
    Buffer.from('{"user":"ann","payload":{"value":"aGk="}}'),
    "MALFORMED_MESSAGE",
  ],
  [
    "a payload that is not of its registered type",
    "json",
    Buffer.from('{"user":"ann","payload":{"@type":"type.googleapis.com/confab.v1.Position","epoch":"x"}}'),
    "MALFORMED_MESSAGE",
  ],
  ["unknown fields", "json", Buffer.from('{"user":"ann","text":"hi","mood":"good","deep":{"er":[1]}}'), "stored"],
  [
    "a payload of an unknown type",
    "json",
    Buffer.from('{"user":"ann","payload":{"@type":"example.com/shop.Order","value":"aGk="}}'),
    "stored",
  ],
  ["a truncated field", "proto", Buffer.from([0x0a, 0x05, 0x61]), "MALFORMED_MESSAGE"],
  ["an illegal wire type", "proto", Buffer.from([0x0f]), "MALFORMED_MESSAGE"],
  ["random bytes", "proto", Buffer.from("ffffffffffffffffffffffff", "hex"), "MALFORMED_MESSAGE"],
  ["invalid UTF-8 in Protobuf", "proto", Buffer.from([0x0a, 0x01, 0x61, 0x12, 0x02, 0xc3, 0x28]), "MALFORMED_MESSAGE"],
  [
    "unknown fields in Protobuf",
    "proto",
    Buffer.concat([
      toBinary(ChatMessageSchema, create(ChatMessageSchema, { user: "ann", text: "hi" })),
      Buffer.from([0xf8, 0x07, 0x01]),
    ]),
    "stored",
  ],
];

describe("every transport", () => {
  let server: ServerProcess;
  before(async () => {
    server = await startServerProcess();
  });
  after(() => server.stop());

  for (const [what, init, code] of said) {
    it(`answers ${what} with ${code}`, async () => {
      const outcomes = await Promise.all(
        rawSenders.map(async ({ name, format, send }, index) => {
          const message = create(ChatMessageSchema, init);
          // An id of its own for each: one that is stored already is a duplicate, which the plain WebSocket does not echo.
          if (code === "stored" && message.id !== "") message.id += index;
          const bytes =
            format === "proto"
              ? toBinary(ChatMessageSchema, message)
              : Buffer.from(toJsonString(ChatMessageSchema, message));
          return [name, await send(server.url, bytes)];
        }),
      );
      assert.deepEqual(Object.fromEntries(outcomes), Object.fromEntries(rawSenders.map(({ name }) => [name, code])));
    });
  }

  for (const [what, format, bytes, code] of garbled) {
    it(`answers ${what} with ${code}`, async () => {
      const senders = rawSenders.filter((sender) => sender.format === format);
      const outcomes = await Promise.all(senders.map(async ({ name, send }) => [name, await send(server.url, bytes)]));
      assert.deepEqual(Object.fromEntries(outcomes), Object.fromEntries(senders.map(({ name }) => [name, code])));
    });
  }

  it("answers invalid UTF-8 in JSON with MALFORMED_MESSAGE, and a WebSocket closes with 1007", async () => {
    const bytes = Buffer.concat([Buffer.from('{"user":"ann","text":"'), Buffer.from([0xc3, 0x28]), Buffer.from('"}')]);
    for (const { name, format, send } of rawSenders) {
      if (format === "json") assert.equal(await send(server.url, bytes), "MALFORMED_MESSAGE", name);
    }
  });
});
