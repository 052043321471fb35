import assert from "node:assert/strict";
import { test } from "node:test";
import { EnvelopeReader, envelopeBytes, enveloped, envelopeFlag, writeEnvelope } from "./envelope.js";
import { forEachSeed } from "./testing/random.js";

interface Read {
  readonly messages: [flags: number, bytes: number[]][];
  readonly refused: number[];
  readonly reader: EnvelopeReader;
}

function readAll(chunks: readonly Uint8Array[], maxBytes = 1_000): Read {
  const messages: [number, number[]][] = [];
  const refused: number[] = [];
  const reader = new EnvelopeReader(
    maxBytes,
    (flags, message) => messages.push([flags, [...message]]),
    (length) => refused.push(length),
  );
  for (const chunk of chunks) reader.push(chunk);
  return { messages, refused, reader };
}

function concat(parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

test("an envelope is one byte of flags and four of length, big-endian", () => {
  assert.deepEqual([...enveloped(envelopeFlag.connectEnd, Uint8Array.of(7, 8))], [2, 0, 0, 0, 2, 7, 8]);
  const prefix = new Uint8Array(envelopeBytes + 1);
  assert.equal(writeEnvelope(prefix, 1, 0x80, 0xfedc_ba98), 6);
  assert.deepEqual([...prefix], [0, 0x80, 0xfe, 0xdc, 0xba, 0x98]);
});

test("messages come out as they went in, however the bytes are cut", () => {
  forEachSeed(2_000, (random) => {
    const messages = Array.from({ length: random.int(0, 8) }, (): [number, Uint8Array] => [
      random.int(0, 255),
      random.bytes(random.pick([0, 0, 1, 4, 5, 6, 40, 300, 1_000])),
    ]);
    const bytes = concat(messages.map(([flags, message]) => enveloped(flags, message)));
    const read = readAll(random.chunks(bytes, random.pick([1, 2, 5, 6, 64, 5_000])));
    assert.deepEqual(
      read.messages,
      messages.map(([flags, message]) => [flags, [...message]]),
    );
    assert.ok(read.reader.isAtBoundary);
    assert.deepEqual(read.refused, []);
  });
});

test("a message is handed on with its last byte, not later", () => {
  const { messages, reader } = readAll([Uint8Array.of(0, 0, 0, 0)]);
  assert.ok(!reader.isAtBoundary);
  reader.push(Uint8Array.of(0));
  assert.deepEqual(messages, [[0, []]], "an empty message is whole with its prefix");
  assert.ok(reader.isAtBoundary);
  reader.push(Uint8Array.of(1, 0, 0, 0, 1));
  assert.ok(!reader.isAtBoundary);
  reader.push(new Uint8Array(0));
  assert.equal(messages.length, 1);
  reader.push(Uint8Array.of(9));
  assert.deepEqual(messages[1], [1, [9]]);
});

test("a message within one chunk is a view into it, not a copy", () => {
  const chunk = concat([enveloped(0, Uint8Array.of(1, 2)), enveloped(0, Uint8Array.of(3))]);
  const buffers: ArrayBufferLike[] = [];
  new EnvelopeReader(
    10,
    (_flags, message) => buffers.push(message.buffer),
    () => assert.fail(),
  ).push(chunk);
  assert.deepEqual(buffers, [chunk.buffer, chunk.buffer]);
});

test("chunks are read and never written to", () => {
  const bytes = enveloped(
    0,
    Uint8Array.from({ length: 300 }, (_, index) => index),
  );
  const before = bytes.slice();
  for (let at = 0; at < bytes.length; at += 3) readAll([bytes.subarray(0, at), bytes.subarray(at)]);
  readAll(Array.from(bytes, (_, at) => bytes.subarray(at, at + 1)));
  assert.deepEqual(bytes, before);
});

test("a message of exactly maxBytes is taken, one byte more is refused by its prefix", () => {
  assert.equal(readAll([enveloped(0, new Uint8Array(10))], 10).messages.length, 1);
  const { messages, refused } = readAll([enveloped(0, new Uint8Array(11)).subarray(0, envelopeBytes)], 10);
  assert.deepEqual([messages, refused], [[], [11]]);
});

test("a prefix that announces four gigabytes is refused at once, and nothing more is taken or kept", () => {
  const { messages, refused, reader } = readAll([Uint8Array.of(0, 0xff, 0xff, 0xff, 0xff, 1, 2)]);
  assert.deepEqual(refused, [0xffff_ffff]);
  for (let i = 0; i < 10; i++) reader.push(enveloped(0, new Uint8Array(3)));
  assert.deepEqual(messages, []);
  assert.deepEqual(refused, [0xffff_ffff], "told once");
  assert.ok(!reader.isAtBoundary);
});

// A peer may send a message of megabytes in HTTP/2 frames of one byte: with a list of chunks that took minutes of CPU.
test("a message of a million chunks of one byte costs one pass", () => {
  const length = 1_000_000;
  const bytes = enveloped(0, new Uint8Array(length).fill(7));
  let received = 0;
  const reader = new EnvelopeReader(
    length,
    (_flags, message) => {
      received = message.length;
    },
    () => assert.fail(),
  );
  for (let at = 0; at < bytes.length; at++) reader.push(bytes.subarray(at, at + 1));
  assert.equal(received, length);
});

test("a reader that is paused within a chunk takes the rest of it later, in order, with what came behind it", () => {
  const taken: string[] = [];
  let isPaused = false;
  const reader = new EnvelopeReader(
    100,
    (_flags, message) => {
      taken.push(Buffer.from(message).toString());
      isPaused = true;
    },
    () => assert.fail(),
    () => isPaused,
  );
  const names = ["a", "b", "", "c", "d"];
  const bytes = Buffer.concat(names.map((name) => enveloped(0, Buffer.from(name))));
  reader.push(bytes.subarray(0, 14));
  assert.deepEqual([taken, reader.isAtBoundary], [["a"], false]);
  reader.push(bytes.subarray(14));
  for (let count = 1; count <= names.length; count++) {
    assert.deepEqual([taken, reader.isAtBoundary], [names.slice(0, count), count === names.length]);
    isPaused = false;
    reader.goOn();
  }
  assert.equal(taken.length, names.length);
});
