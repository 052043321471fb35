import assert from "node:assert/strict";
import { test } from "node:test";
import {
  create,
  type DescField,
  type DescMessage,
  fromBinary,
  type MessageInitShape,
  ScalarType,
  toBinary,
} from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { decodeChatMessage } from "./chat-message-codec.js";
import { ConfabError } from "./errors.js";
import { ChatMessageSchema, type MessageChangeSchema } from "./gen/confab/v1/message_pb.js";
import type { Payload } from "./message.js";
import { forEachSeed, Random } from "./testing/random.js";

function seedMessage(random: Random): Uint8Array {
  return toBinary(
    ChatMessageSchema,
    create(ChatMessageSchema, {
      user: random.text(random.int(0, 6)),
      text: random.text(random.int(0, 60)),
      room: "lobby",
      id: "1",
      payload: { typeUrl: "a/b", value: random.bytes(4) },
      ...(random.oneIn(2) && { encodedPayload: { typeUrl: "c/d", value: random.bytes(2) } }),
      sentAt: timestampFromMs(1_700_000_000_123),
      position: { epoch: 7, offset: 300n },
      ...(random.oneIn(3) && { change: seedChange(random) }),
    }),
  );
}

type ChangeInit = MessageInitShape<typeof MessageChangeSchema>;

function seedChange(random: Random): ChangeInit {
  return {
    target: BigInt(random.int(1, 1_000)),
    kind: random.pick<NonNullable<ChangeInit["kind"]>>([
      { case: "edit", value: {} },
      { case: "deletion", value: {} },
      { case: "reaction", value: { emoji: random.text(2), removed: random.oneIn(2) } },
    ]),
  };
}

function mutated(bytes: Uint8Array, random: Random): Uint8Array {
  const copy = Array.from(bytes);
  for (let i = random.int(1, 4); i > 0; i--) {
    const at = random.int(0, copy.length);
    const kind = random.int(0, 4);
    if (kind === 0) copy[at] = random.int(0, 255);
    else if (kind === 1) copy.splice(at, 1);
    else if (kind === 2) copy.splice(at, 0, ...random.bytes(random.int(1, 3)));
    else if (kind === 3) copy.length = at;
    else copy[at] = (copy[at] ?? 0) ^ (1 << random.int(0, 7));
  }
  return Uint8Array.from(copy);
}

function attempt<T>(read: () => T): { readonly value: T } | { readonly thrown: unknown } {
  try {
    return { value: read() };
  } catch (thrown) {
    return { thrown };
  }
}

/**
 * Whether the generated code is a judge of these bytes. It is not, and we follow the C++ and Go readers, where
 * - a known field has another wire type (protobuf-es reads it as its own type; we pass over it),
 * - a field reaches beyond the embedded message it is in (protobuf-es reads on; we refuse),
 * - a varint has more than 53 bits (ours are numbers).
 */
function fieldsFit(bytes: Uint8Array, desc: DescMessage = ChatMessageSchema): boolean {
  for (const { no, wireType, data } of records(bytes)) {
    const field = desc.fields.find(({ number }) => number === no);
    if (field && wireTypeOf(field) !== wireType) return false;
    if (field?.message && !(endsWhole(data) && fieldsFit(data, field.message))) return false;
    // The generated reader keeps 64 bits of a varint, ours what a double can carry.
    if (wireType === 0 && data.length > 7) return false;
  }
  return true;
}

/** The wire type of a field that is not in a list (protobuf.dev/programming-guides/encoding#structure). */
function wireTypeOf({ scalar, message }: DescField): number {
  if (message || scalar === ScalarType.STRING || scalar === ScalarType.BYTES) return 2;
  return scalar === ScalarType.FIXED32 ? 5 : 0;
}

function endsWhole(bytes: Uint8Array): boolean {
  let covered = 0;
  for (const { end } of records(bytes)) covered = end;
  return covered === bytes.length;
}

/** The records of an encoded message as far as they can be read, groups left out; stops at the first that cannot. */
function* records(bytes: Uint8Array): Generator<{ no: number; wireType: number; data: Uint8Array; end: number }> {
  let at = 0;
  const varint = (): number => {
    let value = 0;
    let scale = 1;
    for (;;) {
      const byte = bytes[at++];
      if (byte === undefined) return Number.NaN;
      value += (byte & 0x7f) * scale;
      scale *= 128;
      if (byte < 0x80) return value;
    }
  };
  while (at < bytes.length) {
    const tag = varint();
    const [no, wireType] = [Math.floor(tag / 8), tag % 8];
    const from = at;
    if (wireType === 0) varint();
    else if (wireType === 1) at += 8;
    else if (wireType === 5) at += 4;
    else if (wireType === 2) {
      const length = varint();
      yield { no, wireType, data: bytes.subarray(at, at + length), end: at + length };
      at += length;
      if (Number.isNaN(at)) return;
      continue;
    } else {
      // A group, or nonsense: where it ends is not known here, so it counts as a field that does not fit.
      yield { no: 1, wireType: 3, data: new Uint8Array(0), end: -1 };
      return;
    }
    yield { no, wireType, data: bytes.subarray(from, at), end: at };
  }
}

function plain(payload: Payload | undefined) {
  return payload && { typeUrl: payload.typeUrl, value: new Uint8Array(payload.value) };
}

test("mutated messages are refused by MALFORMED_MESSAGE or read as the generated code reads them", () => {
  const counts = { read: 0, refused: 0, compared: 0 };
  forEachSeed(30_000, (random) => {
    const bytes = mutated(seedMessage(random), random);
    const ours = attempt(() => decodeChatMessage(bytes));
    if ("thrown" in ours) {
      counts.refused++;
      assert.ok(ours.thrown instanceof ConfabError && ours.thrown.code === "MALFORMED_MESSAGE", String(ours.thrown));
    } else counts.read++;
    if (!fieldsFit(bytes)) return;
    counts.compared++;
    const theirs = attempt(() => fromBinary(ChatMessageSchema, bytes));
    assert.equal("thrown" in ours, "thrown" in theirs, Buffer.from(bytes).toString("hex"));
    if ("thrown" in ours || "thrown" in theirs) return;
    const { user, text, room, id, payload, encodedPayload, position } = theirs.value;
    assert.deepEqual([ours.value.user, ours.value.text, ours.value.room, ours.value.id], [user, text, room, id]);
    assert.deepEqual(plain(ours.value.payload), plain(payload));
    assert.deepEqual(plain(ours.value.encodedPayload), plain(encodedPayload));
    assert.equal(ours.value.position.epoch, position?.epoch ?? 0);
    assert.equal(ours.value.position.offset, Number(position?.offset ?? 0n));
    const { change } = theirs.value;
    assert.equal(ours.value.change?.target, change && Number(change.target));
    assert.equal(ours.value.change?.kind, change && (change.kind.case ?? "unknown"));
    if (change?.kind.case !== "reaction" || ours.value.change?.kind !== "reaction") return;
    assert.equal(ours.value.change.emoji, change.kind.value.emoji);
    assert.equal(ours.value.change.removed, change.kind.value.removed);
  });
  // The property means something only while mutation reaches all three.
  assert.ok(counts.read > 1_000 && counts.refused > 1_000 && counts.compared > 5_000, JSON.stringify(counts));
});

test("noise is refused or read, and nothing but a ConfabError is thrown", () => {
  forEachSeed(20_000, (random) => {
    const outcome = attempt(() => decodeChatMessage(random.bytes(random.int(0, 40))));
    if ("thrown" in outcome) assert.ok(outcome.thrown instanceof ConfabError, String(outcome.thrown));
  });
});

test("a message cut off anywhere is refused, unless it is cut between two fields", () => {
  const bytes = seedMessage(new Random(1));
  for (let length = 0; length < bytes.length; length++) {
    const cut = bytes.subarray(0, length);
    const outcome = attempt(() => decodeChatMessage(cut));
    const theirs = attempt(() => fromBinary(ChatMessageSchema, cut));
    assert.equal("thrown" in outcome, "thrown" in theirs, `cut after ${length} bytes`);
  }
});
