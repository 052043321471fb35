import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { FrameReader } from "./frame-reader.js";
import { opcode } from "./opcode.js";
import { type ClientFrameSpec, clientCloseFrame, clientFrame, textFrame } from "./testing/client-frame.js";
import { type FrameEvent, FrameRecorder, recordFrames, singleBytes } from "./testing/recorded-frames.js";

const maxMessageBytes = 1_000;

interface Row {
  readonly name: string;
  readonly bytes: readonly Buffer[];
  readonly events: readonly FrameEvent[];
}

const frames = (...specs: ClientFrameSpec[]) => specs.map(clientFrame);
const text = (payload: string): FrameEvent => ["text", Buffer.from(payload)];
const violation: FrameEvent = ["failed", 1002, "PROTOCOL_VIOLATION"];
const tooLarge: FrameEvent = ["failed", 1009, "PAYLOAD_TOO_LARGE"];
const badUtf8: FrameEvent = ["failed", 1007, "MALFORMED_MESSAGE"];

const wellFormed: readonly Row[] = [
  { name: "an empty text", bytes: [textFrame("")], events: [text("")] },
  ...[1, 125, 126, 127, 999, 1_000].map((length) => ({
    name: `a binary message of ${length} bytes`,
    bytes: frames({ kind: opcode.binary, payload: Buffer.alloc(length, 9) }),
    events: [["binary", Buffer.alloc(length, 9)] as const],
  })),
  {
    name: "a zero mask",
    bytes: frames({ kind: opcode.text, payload: "hi", mask: [0, 0, 0, 0] }),
    events: [text("hi")],
  },
  {
    name: "a text cut inside a character",
    bytes: frames(
      { kind: opcode.text, payload: Buffer.from([0xe2]), isFinal: false },
      { kind: opcode.continuation, isFinal: false },
      { kind: opcode.continuation, payload: Buffer.from([0x82, 0xac]) },
    ),
    events: [text("€")],
  },
  {
    name: "control frames inside a fragmented message",
    bytes: frames(
      { kind: opcode.binary, payload: "ab", isFinal: false },
      { kind: opcode.ping, payload: "p".repeat(125) },
      { kind: opcode.continuation, payload: "cd", isFinal: false },
      { kind: opcode.pong },
      { kind: opcode.continuation, payload: "e" },
      { kind: opcode.text, payload: "next" },
    ),
    events: [
      ["ping", Buffer.alloc(125, "p")],
      ["pong", Buffer.alloc(0)],
      ["binary", Buffer.from("abcde")],
      text("next"),
    ],
  },
  {
    name: "a close frame without a code",
    bytes: [clientCloseFrame(), textFrame("late")],
    events: [["closed", 1005, ""]],
  },
  {
    name: "a close frame with the longest reason",
    bytes: [clientCloseFrame(1001, "x".repeat(123))],
    events: [["closed", 1001, "x".repeat(123)]],
  },
  ...[1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1014, 3000, 3999, 4000, 4999].map((code) => ({
    name: `close code ${code}`,
    bytes: [clientCloseFrame(code, "ž")],
    events: [["closed", code, "ž"] as const],
  })),
];

const malformed: readonly Row[] = [
  ...[1, 2, 3, 4, 5, 6, 7].map((reservedBits) => ({
    name: `reserved bits ${reservedBits}`,
    bytes: frames({ kind: opcode.text, reservedBits }),
    events: [violation],
  })),
  { name: "a reserved bit on a ping", bytes: frames({ kind: opcode.ping, reservedBits: 4 }), events: [violation] },
  ...[3, 4, 5, 6, 7, 11, 12, 13, 14, 15].map((kind) => ({
    name: `opcode ${kind}`,
    bytes: frames({ kind }),
    events: [violation],
  })),
  { name: "no mask", bytes: frames({ kind: opcode.text, payload: "x", mask: null }), events: [violation] },
  {
    name: "a ping of 126 bytes",
    bytes: frames({ kind: opcode.ping, payload: Buffer.alloc(126) }),
    events: [violation],
  },
  { name: "a ping with an 8-byte length", bytes: frames({ kind: opcode.ping, lengthBytes: 8 }), events: [violation] },
  { name: "a fragmented ping", bytes: frames({ kind: opcode.ping, isFinal: false }), events: [violation] },
  { name: "a fragmented close", bytes: frames({ kind: opcode.close, isFinal: false }), events: [violation] },
  { name: "a continuation of nothing", bytes: frames({ kind: opcode.continuation }), events: [violation] },
  {
    name: "a continuation after the message has ended",
    bytes: frames({ kind: opcode.text, isFinal: false }, { kind: opcode.continuation }, { kind: opcode.continuation }),
    events: [text(""), violation],
  },
  {
    name: "a new message inside a fragmented one",
    bytes: frames({ kind: opcode.text, payload: "a", isFinal: false }, { kind: opcode.text, payload: "b" }),
    events: [violation],
  },
  {
    name: "125 in the 2-byte form",
    bytes: frames({ kind: opcode.binary, payload: Buffer.alloc(125), lengthBytes: 2 }),
    events: [violation],
  },
  {
    name: "65,535 in the 8-byte form",
    bytes: frames({ kind: opcode.binary, announcedBytes: 65_535, lengthBytes: 8 }),
    events: [violation],
  },
  { name: "a length with its highest bit set", bytes: [Buffer.from([0x82, 0xff, 0x80])], events: [violation] },
  {
    name: "1 byte too many, announced",
    bytes: frames({ kind: opcode.binary, announcedBytes: 1_001 }),
    events: [tooLarge],
  },
  { name: "terabytes, announced", bytes: frames({ kind: opcode.binary, announcedBytes: 2 ** 42 }), events: [tooLarge] },
  {
    name: "the longest length there is",
    bytes: [Buffer.from([0x82, 0xff, 0x7f, ...Buffer.alloc(7, 0xff)])],
    events: [tooLarge],
  },
  {
    name: "fragments that are too much only together",
    bytes: frames(
      { kind: opcode.binary, payload: Buffer.alloc(600), isFinal: false },
      { kind: opcode.ping },
      { kind: opcode.continuation, announcedBytes: 401, isFinal: false },
    ),
    events: [["ping", Buffer.alloc(0)], tooLarge],
  },
  ...["c080", "80", "eda080", "f4908080", "c3", "fefe"].map((hex) => ({
    name: `text of the bytes ${hex}`,
    bytes: frames({ kind: opcode.text, payload: Buffer.from(hex, "hex") }),
    events: [badUtf8],
  })),
  {
    name: "fragmented text that ends inside a character",
    bytes: frames(
      { kind: opcode.text, payload: "ok", isFinal: false },
      { kind: opcode.continuation, payload: Buffer.from([0xe2, 0x82]) },
    ),
    events: [badUtf8],
  },
  { name: "a close frame with half a code", bytes: frames({ kind: opcode.close, payload: "x" }), events: [violation] },
  { name: "a close reason that is not UTF-8", bytes: [clientCloseFrame(1000, Buffer.from([0xff]))], events: [badUtf8] },
  ...[0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535].map((code) => ({
    name: `close code ${code}`,
    bytes: [clientCloseFrame(code)],
    events: [violation],
  })),
];

for (const [title, rows] of [
  ["well-formed frames are handed on", wellFormed],
  ["malformed frames end the connection", malformed],
] as const) {
  describe(title, () => {
    for (const { name, bytes, events } of rows) {
      test(`${name}: in one chunk, frame by frame, and one byte at a time`, () => {
        const all = Buffer.concat(bytes);
        assert.deepEqual(recordFrames([all], maxMessageBytes), events);
        assert.deepEqual(recordFrames(bytes, maxMessageBytes), events);
        assert.deepEqual(recordFrames(singleBytes(all), maxMessageBytes), events);
      });
    }
  });
}

test("after a failure nothing more is read", () => {
  const bytes = Buffer.concat([clientFrame({ kind: 3 }), textFrame("late")]);
  assert.deepEqual(recordFrames([bytes, textFrame("later")]), [violation]);
});

test("a listener may stop the reader in the middle of a chunk", () => {
  const recorder = new FrameRecorder();
  const reader = new FrameReader(recorder, maxMessageBytes);
  recorder.ping = () => reader.stop();
  reader.push(Buffer.concat([textFrame("a"), clientFrame({ kind: opcode.ping }), textFrame("b")]));
  assert.deepEqual(recorder.events, [text("a")]);
});

test("a message that lies in one chunk is a view of the chunk, not a copy", () => {
  const recorder = new FrameRecorder();
  const payloads: Buffer[] = [];
  recorder.text = (payload) => payloads.push(payload);
  const chunk = Buffer.concat([textFrame("a"), textFrame("b".repeat(200))]);
  new FrameReader(recorder, maxMessageBytes).push(chunk);
  assert.deepEqual(payloads.map(String), ["a", "b".repeat(200)]);
  for (const payload of payloads) assert.equal(payload.buffer, chunk.buffer);
});
