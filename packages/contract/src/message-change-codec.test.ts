import assert from "node:assert/strict";
import { test } from "node:test";
import { create, fromBinary, fromJsonString, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { decodeChatMessage, encodeBody } from "./chat-message-codec.js";
import { type ChatMessage, ChatMessageSchema, type MessageChangeSchema } from "./gen/confab/v1/message_pb.js";
import { chatMessageJson } from "./json.js";
import type { MessageChange, StoredMessage } from "./message.js";
import { decodeChange, isChange } from "./message-change-codec.js";
import { PayloadTypes } from "./payload-types.js";
import { isValidNewMessage } from "./validation.js";

const message: StoredMessage = { user: "ann", text: "hi", room: "r", id: "1", sentAtMs: 1_001 };
const targets = [1, 127, 128, 2 ** 32, Number.MAX_SAFE_INTEGER];

const changes: readonly (readonly [MessageChange, MessageInitShape<typeof MessageChangeSchema>["kind"]])[] = [
  ...targets.map(
    (target) =>
      [
        { target, kind: "edit" },
        { case: "edit", value: {} },
      ] as const,
  ),
  ...targets.map(
    (target) =>
      [
        { target, kind: "deletion" },
        { case: "deletion", value: {} },
      ] as const,
  ),
  ...["+1", "👍🏽", "x".repeat(200), ""].flatMap((emoji) =>
    [true, false].map(
      (removed) =>
        [
          { target: 7, kind: "reaction", emoji, removed },
          { case: "reaction", value: { emoji, removed } },
        ] as const,
    ),
  ),
  [{ target: 7, kind: "unknown" }, { case: undefined }],
];

for (const [change, kind] of changes) {
  const wire = { target: BigInt(change.target), ...(kind && { kind }) };
  const name = JSON.stringify(change).slice(0, 80);

  test(`${name} is written as the generated code reads it, and read as it writes it`, () => {
    const body = encodeBody({ ...message, change });
    const inProto = fromBinary(ChatMessageSchema, body);
    assert.deepEqual(inProto.change, create(ChatMessageSchema, { change: wire }).change);
    assert.equal(inProto.text, "hi");
    const generated = toBinary(ChatMessageSchema, create(ChatMessageSchema, { user: "ann", change: wire }));
    assert.deepEqual(decodeChatMessage(generated).change, change);
    const inJson = fromJsonString(
      ChatMessageSchema,
      chatMessageJson({ ...message, change }, { epoch: 1, offset: 9 }, PayloadTypes.none()),
    );
    assert.deepEqual(inJson.change, inProto.change);
  });

  test(`${name} is told from a message by the first byte, and read without the rest`, () => {
    const body = encodeBody({ ...message, change });
    assert.deepEqual([isChange(body), decodeChange(body)], [true, change]);
    const within = Buffer.concat([Buffer.from([0x52]), encodeBody(message), body]);
    const start = within.length - body.length;
    assert.deepEqual([isChange(within, start), isChange(within, 1)], [true, false]);
  });

  test(`${name} is refused from a sender`, () => {
    assert.equal(isValidNewMessage(decodeChatMessage(encodeBody({ ...message, change }))), false);
  });
}

test("a message, and what is left of an erased one, is not a change", () => {
  for (const deleted of [false, true]) {
    const body = encodeBody({ ...message, deleted });
    assert.deepEqual([isChange(body), decodeChange(body)], [false, undefined]);
    assert.equal("change" in decodeChatMessage(body), false);
  }
});

test("a change that comes in two parts is merged, as Protobuf has it", () => {
  const part = (init: MessageInitShape<typeof MessageChangeSchema>) =>
    toBinary(ChatMessageSchema, create(ChatMessageSchema, { change: init }));
  const bytes = Buffer.concat([
    part({ target: 3n, kind: { case: "edit", value: {} } }),
    part({ kind: { case: "reaction", value: { emoji: "+1" } } }),
    part({ kind: { case: "reaction", value: { removed: true } } }),
  ]);
  const { change } = fromBinary(ChatMessageSchema, bytes) satisfies ChatMessage;
  assert.equal(change?.kind.case, "reaction");
  assert.deepEqual(decodeChatMessage(bytes).change, { target: 3, kind: "reaction", emoji: "+1", removed: true });
});
