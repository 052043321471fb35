import assert from "node:assert/strict";
import { test } from "node:test";
import { create, fromBinary, fromJsonString } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { decodeChatMessage, encodeBody } from "./chat-message-codec.js";
import { ChatMessageSchema, MessageViewSchema } from "./gen/confab/v1/message_pb.js";
import { chatMessageJson } from "./json.js";
import { bodyWithView } from "./message-view.js";
import { PayloadTypes } from "./payload-types.js";
import { assertHandled, unsetFields } from "./testing/every-field.js";

const edited = { user: "bob", offset: 300, atMs: 2_002 };
const reactions = [
  { emoji: "+1", count: 200, users: ["ann", "bob"] },
  { emoji: "👍🏽", count: 1, users: ["cleo"] },
];

test("a view behind a body is a field of the message, in Protobuf and in JSON", () => {
  const body = encodeBody({ user: "ann", text: "hi", room: "r", id: "1", sentAtMs: 1_001 });
  const bytes = bodyWithView(body, { edited, reactions });
  const { text, view } = fromBinary(ChatMessageSchema, bytes);
  assert.equal(text, "hi");
  assertHandled(unsetFields(MessageViewSchema, view ?? assert.fail()), "message-view.ts");
  const wanted = create(MessageViewSchema, {
    edited: { user: "bob", offset: 300n, at: timestampFromMs(2_002) },
    reactions: reactions.map((each) => ({ ...each, users: each.users.map((name) => ({ name })) })),
  });
  assert.deepEqual(view, wanted);
  const json = chatMessageJson(decodeChatMessage(bytes), { epoch: 1, offset: 9 }, PayloadTypes.none());
  assert.deepEqual(fromJsonString(ChatMessageSchema, json).view, wanted);
});
