import assert from "node:assert/strict";
import { test } from "node:test";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { anyPack, timestampFromMs, timestampMs } from "@bufbuild/protobuf/wkt";
import {
  type DecodedMessage,
  decodeChatMessage,
  encodeAck,
  encodeBody,
  positionFieldLength,
  writePositionField,
} from "./chat-message-codec.js";
import { ConfabError } from "./errors.js";
import { type ChatMessage, ChatMessageSchema, ChatResponseSchema, PositionSchema } from "./gen/confab/v1/message_pb.js";
import type { Payload, StoredMessage } from "./message.js";
import type { Position } from "./position.js";
import { forEachSeed, type Random } from "./testing/random.js";

const lengths = [0, 1, 2, 15, 16, 47, 48, 49, 63, 64, 65, 127, 128, 129, 300, 16_384] as const;

function randomText(random: Random): string {
  return random.oneIn(4) ? "" : random.text(random.pick(lengths));
}

function randomMessage(random: Random): StoredMessage {
  return {
    user: randomText(random),
    text: randomText(random),
    room: randomText(random),
    id: randomText(random),
    payload: random.oneIn(2) ? undefined : { typeUrl: randomText(random), value: random.bytes(random.pick(lengths)) },
    sentAtMs: random.oneIn(10)
      ? random.pick([0, 1, 999, 1_000, 253_402_300_799_999])
      : random.int(0, 4_000_000_000_000),
    ...(random.oneIn(4) && { deleted: true }),
  };
}

function randomPosition(random: Random): Position {
  return {
    epoch: random.pick([1, 255, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff, random.int(1, 0xffff_ffff)]),
    offset: random.pick([0, 1, 127, 128, 2 ** 31, 2 ** 32, 2 ** 48 - 1, Number.MAX_SAFE_INTEGER, random.int(0, 1e15)]),
  };
}

function completed(body: Uint8Array, position: Position): Uint8Array {
  const bytes = new Uint8Array(body.length + positionFieldLength(position));
  bytes.set(body);
  assert.equal(writePositionField(bytes, body.length, position), bytes.length, "the length that was promised");
  return bytes;
}

/** The generated message with the same content, in the terms of the hand-written codec. */
function plainFrom(message: ChatMessage): DecodedMessage {
  const {
    $typeName: _,
    $unknown: __,
    payload,
    encodedPayload,
    position,
    sentAt,
    deleted,
    change: _change,
    view: _view,
    ...others
  } = message;
  return {
    ...others,
    ...(deleted && { deleted }),
    payload: payload && plainPayload(payload),
    encodedPayload: encodedPayload && plainPayload(encodedPayload),
    position: { epoch: position?.epoch ?? 0, offset: Number(position?.offset ?? 0n) },
    sentAtMs: sentAt ? timestampMs(sentAt) : 0,
  };
}

function plainPayload({ typeUrl, value }: Payload) {
  return { typeUrl, value: new Uint8Array(value) };
}

function decoded(bytes: Uint8Array): DecodedMessage {
  const message = decodeChatMessage(bytes);
  const { payload, encodedPayload } = message;
  return {
    ...message,
    payload: payload && plainPayload(payload),
    encodedPayload: encodedPayload && plainPayload(encodedPayload),
  };
}

test("a body with a position behind it is what the generated code reads", () => {
  forEachSeed(2_000, (random) => {
    const message = randomMessage(random);
    const position = randomPosition(random);
    const read = fromBinary(ChatMessageSchema, completed(encodeBody(message), position));
    assert.deepEqual(plainFrom(read), { ...plainFrom(read), ...message, encodedPayload: undefined, position });
    assert.equal(read.$unknown, undefined);
    assert.ok(read.sentAt, "the time is there even when it is 0");
  });
});

test("what the generated code writes is decoded to the same message", () => {
  forEachSeed(2_000, (random) => {
    const { payload, sentAtMs, change: _, view: __, ...strings } = randomMessage(random);
    const { epoch, offset } = randomPosition(random);
    const message = create(ChatMessageSchema, {
      ...strings,
      ...(payload && { payload: plainPayload(payload) }),
      ...(payload && random.oneIn(2) && { encodedPayload: plainPayload(payload) }),
      ...(random.oneIn(2) && { sentAt: timestampFromMs(sentAtMs) }),
      ...(random.oneIn(2) && { position: { epoch, offset: BigInt(offset) } }),
    });
    assert.deepEqual(decoded(toBinary(ChatMessageSchema, message)), plainFrom(message));
  });
});

test("a decoded body is the message that was encoded", () => {
  forEachSeed(500, (random) => {
    const message = randomMessage(random);
    const read = decoded(encodeBody(message));
    assert.deepEqual(read, { ...read, ...message, encodedPayload: undefined, position: { epoch: 0, offset: 0 } });
  });
});

test("an encoded acknowledgement is what the generated code reads", () => {
  forEachSeed(1_000, (random) => {
    const position = randomPosition(random);
    const sentAtMs = random.int(0, 4_000_000_000_000);
    const ack = { id: random.text(random.pick([0, 1, 36, 64])), position, sentAtMs, duplicate: random.oneIn(2) };
    const read = fromBinary(ChatResponseSchema, encodeAck(ack));
    assert.equal(read.id, ack.id);
    assert.deepEqual(read.position, create(PositionSchema, { epoch: position.epoch, offset: BigInt(position.offset) }));
    assert.equal(read.sentAt && timestampMs(read.sentAt), sentAtMs);
    assert.equal(read.duplicate, ack.duplicate);
    assert.equal(read.$unknown, undefined);
  });
});

// The contract and docs/limits.md say this number.
test("a message without room and id takes at most 70 bytes beside its user and its text", () => {
  const added = { room: "lobby", id: "0".repeat(36), sentAtMs: 253_402_300_799_999 };
  for (const length of [1, 127, 65_536, 4_194_304]) {
    const body = encodeBody({ user: "ann", text: "x".repeat(length), ...added });
    assert.ok(body.length - "ann".length - length <= 70, `${body.length - length}`);
  }
});

/** Fields by hand: what a peer with a newer contract, or with bad intent, may send. */
const wire = {
  userAnn: [0x0a, 3, 0x61, 0x6e, 0x6e],
  userBob: [0x0a, 3, 0x62, 0x6f, 0x62],
  group: [0xa3, 0x06, 0x08, 1, 0xab, 0x06, 0xac, 0x06, 0xa4, 0x06],
} as const;

test("unknown fields of every wire type are passed over", () => {
  const unknown = [
    [0xa0, 0x06, 0x80, 0x01],
    [0xa1, 0x06, 1, 2, 3, 4, 5, 6, 7, 8],
    [0xa2, 0x06, 2, 0xff, 0xff],
    [0xa5, 0x06, 1, 2, 3, 4],
    wire.group,
  ].flat();
  const bytes = Uint8Array.from([...unknown, ...wire.userAnn, ...unknown]);
  assert.equal(decodeChatMessage(bytes).user, "ann");
  assert.equal(fromBinary(ChatMessageSchema, bytes).user, "ann");
});

test("a field that comes twice takes its last value, and embedded messages are merged", () => {
  const typeUrl = [0x3a, 5, 0x0a, 3, 0x61, 0x2f, 0x62];
  const value = [0x3a, 3, 0x12, 1, 9];
  const seconds = [0x32, 2, 0x08, 7];
  const nanos = [0x32, 6, 0x10, 0x80, 0xca, 0xb5, 0xee, 0x01];
  const epoch = [0x2a, 5, 0x0d, 1, 0, 0, 0];
  const offset = [0x2a, 2, 0x10, 5];
  const encoded = [...typeUrl, ...value].map((byte) => (byte === 0x3a ? 0x42 : byte));
  const all = [wire.userAnn, typeUrl, seconds, epoch, wire.userBob, value, nanos, offset, encoded].flat();
  const bytes = Uint8Array.from(all);
  assert.deepEqual(decoded(bytes), plainFrom(fromBinary(ChatMessageSchema, bytes)));
  assert.deepEqual(decoded(bytes), {
    ...decoded(new Uint8Array(0)),
    user: "bob",
    payload: { typeUrl: "a/b", value: Uint8Array.of(9) },
    encodedPayload: { typeUrl: "a/b", value: Uint8Array.of(9) },
    position: { epoch: 1, offset: 5 },
    sentAtMs: 7_500,
  });
});

// protobuf-es reads a known field by its own type whatever wire type stands in the tag; C++, Go and Java pass over it as
// unknown, and so do we: what follows is then still read as what it is.
test("a known field with another wire type is passed over as unknown", () => {
  const userAsVarint = [0x08, 0x05];
  const textAsFixed64 = [0x11, 1, 2, 3, 4, 5, 6, 7, 8];
  const payloadAsGroup = [0x3b, 0x0a, 1, 0x61, 0x3c];
  const bytes = Uint8Array.from([...userAsVarint, ...textAsFixed64, ...payloadAsGroup, ...wire.userAnn]);
  assert.deepEqual(decodeChatMessage(bytes), {
    ...decodeChatMessage(Uint8Array.from(wire.userAnn)),
    payload: undefined,
  });
});

const broken: readonly (readonly [what: string, bytes: readonly number[]])[] = [
  ["an announced string is cut off", [0x0a, 3, 0x61]],
  ["a length promises gigabytes", [0x0a, 0xff, 0xff, 0xff, 0xff, 0x07, 0x61]],
  ["a length is past 2^53", [0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01]],
  ["a tag is cut off", [0x80]],
  ["a varint has eleven bytes", [0xa0, 0x06, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01]],
  ["a field number is 0", [0x02, 0]],
  ["a tag is longer than 32 bits", [0x8a, 0x80, 0x80, 0x80, 0x10, 0]],
  ["a wire type is 6", [0x0e, 0]],
  ["a wire type is 7", [0x0f, 0]],
  ["a group ends that never began", [0x0c]],
  ["a group never ends", [0xa3, 0x06, 0x08, 1]],
  ["a group is ended by another's end", [0xa3, 0x06, 0xac, 0x06]],
  ["an embedded message is longer than the whole", [0x3a, 9, 0x0a, 1, 0x61]],
  ["a field of an embedded message reaches beyond it", [0x3a, 3, 0x0a, 2, 0x61, 0x62]],
  ["a fixed32 reaches beyond its embedded message", [0x2a, 2, 0x0d, 1, 0, 0, 0]],
  ["fixed64 of an unknown field is cut off", [0xa1, 0x06, 1, 2, 3]],
  ["a user is not UTF-8", [0x0a, 2, 0xc3, 0x28]],
  ["a text of many characters is not UTF-8", [0x12, 60, ...Array<number>(59).fill(0x61), 0xff]],
  ["a user is half a surrogate pair in UTF-8", [0x0a, 3, 0xed, 0xa0, 0x80]],
  ["a user is an overlong NUL", [0x0a, 2, 0xc0, 0x80]],
  ["a type URL is not UTF-8", [0x3a, 3, 0x0a, 1, 0xff]],
];

for (const [what, bytes] of broken) {
  test(`MALFORMED_MESSAGE when ${what}`, () => {
    assert.throws(
      () => decodeChatMessage(Uint8Array.from(bytes)),
      (error: unknown) => error instanceof ConfabError && error.code === "MALFORMED_MESSAGE",
    );
  });
}

test("groups within groups are followed for 100 levels and refused beyond, without using the stack", () => {
  const nested = (depth: number) =>
    Uint8Array.from([...Array<number>(depth).fill(0x7b), ...Array<number>(depth).fill(0x7c)]);
  assert.equal(decodeChatMessage(nested(100)).user, "");
  assert.throws(() => decodeChatMessage(nested(101)), ConfabError);
  assert.throws(() => decodeChatMessage(new Uint8Array(5_000_000).fill(0x7b)), ConfabError);
});

test("a payload's bytes are a view into the message, not a copy", () => {
  const bytes = toBinary(
    ChatMessageSchema,
    create(ChatMessageSchema, { payload: anyPack(PositionSchema, create(PositionSchema, { epoch: 3 })) }),
  );
  assert.equal(decodeChatMessage(bytes).payload?.value.buffer, bytes.buffer);
});
