import assert from "node:assert/strict";
import { test } from "node:test";
import { Random } from "@confab/contract/testing/random";
import { blockOf } from "../../../core/index.js";
import { BatchEncoder, type Change, decodeBatch } from "./batch.js";
import { fileHeaderBytes, headerBytes, headerOf, recordsOf } from "./records.js";
import { readLeft } from "./write-ahead-log.js";

const epoch = 7;
const key = Buffer.alloc(8);

function record(turn: number, sequence: number, text: string, isFlushed = true): Buffer {
  const content = Buffer.from(text);
  return Buffer.concat([headerOf({ epoch, turn, sequence }, content, key, isFlushed), content]);
}

/** As files, whose header is not looked at here. */
function leftIn(contents: readonly Buffer[], applied = 0) {
  const files = contents.map((content) => Buffer.concat([Buffer.alloc(fileHeaderBytes), content]));
  const { records, ...rest } = readLeft(files, epoch, applied);
  return { ...rest, texts: records.map(({ content }) => content.toString()) };
}

const three = Buffer.concat([record(1, 1, "one"), record(1, 2, "two"), record(1, 3, "three")]);

test("records come back in their order, also behind those of an earlier turn and before the zeros of a new file", () => {
  const stale = Buffer.concat([three, Buffer.alloc(1_000)]);
  record(3, 6, "six").copy(stale);
  const other = Buffer.concat([record(2, 4, "four"), record(2, 5, "five"), Buffer.alloc(5_000)]);
  assert.deepEqual(leftIn([stale, other], 3), {
    lastSequence: 6,
    lastTurn: 3,
    isCut: false,
    texts: ["four", "five", "six"],
  });
  assert.deepEqual(leftIn([stale, other], 5).texts, ["six"]);
  assert.deepEqual(leftIn([stale, other], 6).texts, []);
  assert.deepEqual(leftIn([Buffer.alloc(0), Buffer.alloc(9_000)], 41), {
    lastSequence: 41,
    lastTurn: 0,
    isCut: false,
    texts: [],
  });
});

test("a record that was cut off at any byte is not there, and those before it are", () => {
  for (let length = 0; length < three.length; length++) {
    const { texts } = leftIn([three.subarray(0, length)]);
    assert.deepEqual(texts, ["one", "two", "three"].slice(0, texts.length));
    assert.equal(
      texts.length,
      length < record(1, 1, "one").length ? 0 : length < 2 * headerBytes + 6 ? 1 : 2,
      String(length),
    );
  }
});

test("a changed byte of the last record leaves it out; one of an earlier record is damage", () => {
  const lastAt = three.length - record(1, 3, "three").length;
  for (let at = 0; at < three.length; at++) {
    const bad = Buffer.from(three);
    bad[at] = (bad[at] ?? 0) ^ 0x40;
    if (at >= lastAt) assert.deepEqual(leftIn([bad]).texts, ["one", "two"], String(at));
    else {
      // The one before the last may have been the last: nothing says that the disk had confirmed it, unless it is followed.
      assert.throws(() => leftIn([bad]), /record [12] of its write-ahead log is missing or damaged/, String(at));
    }
  }
});

test("a store that is older than its write-ahead log is found by the gap", () => {
  const later = Buffer.concat([record(4, 10, "ten"), record(4, 11, "eleven")]);
  assert.throws(() => leftIn([later], 7), /record 8 of its write-ahead log is missing/);
  assert.deepEqual(leftIn([later], 9).texts, ["ten", "eleven"]);
});

test("a record whose outcome was not known and that was written again counts as the later turn has it", () => {
  const first = Buffer.concat([record(1, 1, "one"), record(1, 2, "not confirmed")]);
  const second = Buffer.concat([record(2, 2, "two"), record(2, 3, "three")]);
  assert.deepEqual(leftIn([first, second]).texts, ["one", "two", "three"]);
  assert.deepEqual(leftIn([second, first]).texts, ["one", "two", "three"]);
  assert.deepEqual(leftIn([first, Buffer.alloc(0)]).texts, ["one", "not confirmed"]);
});

test("records that were not flushed may be lost in the middle; what follows is left out", () => {
  const file = Buffer.concat([record(1, 1, "one", false), record(1, 2, "two", false), record(1, 3, "three", false)]);
  file[headerBytes + 3 + headerBytes] = 0;
  const left = leftIn([file]);
  assert.deepEqual([left.texts, left.isCut, left.lastSequence], [["one"], true, 3]);
});

test("what a client has sent is not taken for a record, wherever it lies", () => {
  const forged = Buffer.concat([
    headerOf({ epoch, turn: 1, sequence: 2 ** 50 }, Buffer.alloc(0), Buffer.alloc(8, 1), true),
    headerOf({ epoch, turn: 1, sequence: 2 ** 53 }, Buffer.alloc(0), Buffer.alloc(8, 2), false),
  ]);
  const left = leftIn([Buffer.concat([three, forged])]);
  assert.deepEqual([left.texts.length, left.lastSequence, left.isCut], [3, 3, false]);
  // The same with the key of the file is a record.
  const own = headerOf({ epoch, turn: 1, sequence: 2 ** 50 }, Buffer.alloc(0), key, true);
  assert.throws(() => leftIn([Buffer.concat([three, own])]), /record 4 .* is missing/);
});

test("a record of another log is not taken for one of this", () => {
  assert.deepEqual(recordsOf(Buffer.concat([Buffer.alloc(fileHeaderBytes), three]), 8), {
    records: [],
    newest: undefined,
  });
});

test("no record is found in random bytes, and no error thrown", () => {
  const random = new Random(6);
  for (let round = 0; round < 200; round++) {
    const bytes = Buffer.from(Array.from({ length: random.int(0, 300) }, () => random.int(0, 255)));
    // As if a record had been there.
    if (bytes.length > 4) bytes.writeUInt32BE(0xc0_4f_ab_01, random.int(0, bytes.length - 4));
    assert.deepEqual(recordsOf(bytes, epoch).records, []);
  }
});

test("a batch is read as it was written", () => {
  const random = new Random(9);
  const encoder = new BatchEncoder();
  for (const count of [0, 1, 500, 3]) {
    const changes = Array.from({ length: count }, (_, step): Change => {
      const key = Buffer.from("k".repeat(random.int(0, 300)));
      const value = Buffer.from("v".repeat(random.int(0, 3_000)));
      const table = (["ids", "rooms", "meta"] as const)[step % 3] ?? "ids";
      if (random.int(0, 1) === 0) return { table, key, value: random.int(0, 3) === 0 ? undefined : value };
      const room = random.int(0, 2 ** 32 - 1);
      if (random.int(0, 1) === 0)
        return { room, block: undefined, dropTo: step === 5 ? Number.POSITIVE_INFINITY : 2 ** 47 };
      const block = { first: 2 ** 47 + step, last: 2 ** 47 + step + 1, bytes: blockOf([value, key]) };
      return { room, block, dropTo: 0 };
    });
    const bytesOf = (change: Change) =>
      "block" in change && change.block
        ? { ...change, block: { ...change.block, bytes: Buffer.from(change.block.bytes) } }
        : change;
    assert.deepEqual(decodeBatch(Buffer.from(encoder.encode(changes))), changes.map(bytesOf));
  }
});

test("bytes that cannot be a batch are an error", () => {
  for (const bytes of [[9], [1, 7, 0, 0, 0, 0, 0, 0], [1, 0, 0, 9], [3, 0, 0]])
    assert.throws(() => decodeBatch(Buffer.from(bytes)));
});
