import assert from "node:assert/strict";
import { test } from "node:test";
import { create, toBinary, toJsonString } from "@bufbuild/protobuf";
import { type ServerFrame, ServerFrameSchema } from "@confab/contract/gen/confab/v1/frame_pb";
import { chatText } from "./chat-text.js";
import { countPushedMessages, kindOfJsonFrame, kindOfProtobufFrame } from "./server-frames.js";

type FrameCase = Parameters<typeof create<typeof ServerFrameSchema>>[1];

function frame(init: FrameCase): ServerFrame {
  return create(ServerFrameSchema, init);
}

function batch(messages: number): Buffer {
  const texts = Array.from({ length: messages }, (_, index) => ({ user: "u", text: chatText(index, index) }));
  return Buffer.from(toBinary(ServerFrameSchema, frame({ frame: { case: "messages", value: { messages: texts } } })));
}

test("the messages of a batch are counted, whatever the bytes around it", () => {
  for (const messages of [0, 1, 2, 300]) {
    const bytes = Buffer.concat([Buffer.of(0xff, 0xff), batch(messages), Buffer.of(0xff)]);
    assert.equal(countPushedMessages(bytes, 2, bytes.length - 1), messages);
  }
});

test("batches that Protobuf would merge count together", () => {
  const bytes = Buffer.concat([batch(2), batch(3)]);
  assert.equal(countPushedMessages(bytes, 0, bytes.length), 5);
});

test("frames without messages are told apart in both encodings", () => {
  const frames: [ServerFrame, string][] = [
    [frame({ request: 1, frame: { case: "subscribed", value: { room: "bench" } } }), "subscribed"],
    [frame({ request: 1, frame: { case: "error", value: { code: "ROOM_INVALID" } } }), "error"],
    [frame({ frame: { case: "welcome", value: {} } }), "other"],
  ];
  for (const [message, kind] of frames) {
    const bytes = Buffer.from(toBinary(ServerFrameSchema, message));
    assert.equal(countPushedMessages(bytes, 0, bytes.length), 0);
    assert.equal(kindOfProtobufFrame(bytes), kind);
    assert.equal(kindOfJsonFrame(Buffer.from(toJsonString(ServerFrameSchema, message))), kind);
  }
});
