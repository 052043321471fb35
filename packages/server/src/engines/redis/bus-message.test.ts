import assert from "node:assert/strict";
import { test } from "node:test";
import { fromBinary, toBinary } from "@bufbuild/protobuf";
import { SignalSchema } from "@confab/contract/gen/confab/v1/room_pb";
import { assertHandled, ignoredFields, unsetFields } from "@confab/contract/testing/every-field";
import { Random } from "@confab/contract/testing/random";
import { blockOf, entriesOf, type RoomId, type Signal } from "../../core/index.js";
import { decodeBusMessage, encodeSignal, placeOfEntries } from "./bus-message.js";

const room = "lobby" as RoomId;
const signal: Signal = {
  user: "änn",
  room,
  kind: "read",
  position: { epoch: 4_294_967_295, offset: Number.MAX_SAFE_INTEGER },
  payload: { typeUrl: "a/b", value: Uint8Array.of(0, 255) },
};

/** As the append script makes it. */
function entriesMessage(epoch: number, first: number, bodies: readonly Uint8Array[]): Buffer {
  const head = Buffer.alloc(17);
  head.writeUInt8(1, 0);
  head.writeUInt32BE(epoch, 1);
  head.writeDoubleBE(first, 5);
  head.writeUInt32BE(bodies.length, 13);
  return Buffer.concat([head, blockOf(bodies)]);
}

test("a block gives its bodies back, empty ones too, with offsets rising by one", () => {
  const bodies = [Buffer.from("one"), Buffer.alloc(0), Buffer.alloc(70_000, 7)];
  const entries = entriesOf(blockOf(bodies), 5);
  assert.deepEqual(
    entries.map(({ offset, body }) => [offset, Buffer.compare(body, bodies[offset - 5] ?? Buffer.of(1))]),
    [
      [5, 0],
      [6, 0],
      [7, 0],
    ],
  );
  assert.deepEqual(entriesOf(Buffer.alloc(0), 1), []);
});

test("entries are placed without their bodies being read, up to the largest offset", () => {
  const message = entriesMessage(4_294_967_295, 2 ** 53 - 2, [Buffer.from("a"), Buffer.from("b")]);
  assert.deepEqual(placeOfEntries(message), { epoch: 4_294_967_295, last: 2 ** 53 - 1 });
  const decoded = decodeBusMessage(message);
  assert.ok(decoded?.kind === "entries");
  assert.equal(decoded.epoch, 4_294_967_295);
  assert.deepEqual(
    decoded.run.entries.map(({ offset }) => offset),
    [2 ** 53 - 2, 2 ** 53 - 1],
  );
  assert.equal(placeOfEntries(encodeSignal(signal)), undefined);
});

test("a signal comes as it went, with and without what it need not have", () => {
  const bare: Signal = { user: "ann", room, kind: "typing", position: undefined, payload: undefined };
  for (const sent of [signal, bare])
    assert.deepEqual(decodeBusMessage(encodeSignal(sent)), { kind: "signal", signal: sent });
});

// A field that the contract gets later was dropped between nodes without an error.
test("every field of a signal goes over the bus", () => {
  const wire = fromBinary(SignalSchema, encodeSignal(signal).subarray(1));
  const encodedPayload = "a signal has one payload once it is in core";
  const gaps = { "confab.v1.Signal.encoded_payload": encodedPayload };
  assertHandled(unsetFields(SignalSchema, wire, { gaps }), "encodeSignal in bus-message.ts");
  const decode = (sent: typeof wire) => decodeBusMessage(Buffer.concat([Buffer.of(2), toBinary(SignalSchema, sent)]));
  const inner = {
    "confab.v1.Signal.encoded_payload.type_url": encodedPayload,
    "confab.v1.Signal.encoded_payload.value": encodedPayload,
  };
  assertHandled(ignoredFields(SignalSchema, decode, { gaps: inner }), "decodeBusMessage in bus-message.ts");
});

test("kinds of a later version are a reason to look at the log, or nothing from 128 on; what is cut off anywhere is never taken for something whole", () => {
  for (const kind of [0, 6, 127]) assert.deepEqual(decodeBusMessage(Buffer.of(kind, 1, 2)), { kind: "unknown" });
  for (const kind of [128, 255]) assert.equal(decodeBusMessage(Buffer.of(kind, 1, 2)), undefined);
  assert.equal(decodeBusMessage(Buffer.alloc(0)), undefined);
  const whole = entriesMessage(1, 1, [Buffer.from("abc"), Buffer.from("def")]);
  for (let length = 1; length < whole.length; length++) {
    try {
      const decoded = decodeBusMessage(whole.subarray(0, length));
      assert.ok(decoded?.kind === "entries" && decoded.run.count < 2);
    } catch (error) {
      assert.ok(error instanceof RangeError || (error instanceof Error && /cut off/.test(error.message)));
    }
  }
});

test("junk of any kind decodes to something or throws, and ends", () => {
  const random = new Random(1);
  for (let round = 0; round < 5_000; round++) {
    const junk = Buffer.from(Array.from({ length: random.int(1, 60) }, () => random.int(0, 255)));
    junk[0] = random.int(0, 6);
    try {
      decodeBusMessage(junk);
    } catch (error) {
      assert.ok(error instanceof Error);
    }
  }
});
