import assert from "node:assert/strict";
import { test } from "node:test";
import { PayloadTypes } from "@confab/contract";
import { ackLine, messageJsonLine, messageLine, printable, roomLines } from "./format.js";

const types = PayloadTypes.none();
const message = {
  user: "alice",
  text: "hi",
  room: "lobby",
  id: "1",
  position: "7:1",
  sentAt: new Date(2026, 0, 2, 3, 4, 5),
};

test("a message is one line for people, in local time", () => {
  assert.equal(messageLine(message, types), "03:04:05 alice: hi");
  assert.equal(messageLine({ ...message, text: "two\nlines" }, types), "03:04:05 alice: two␊lines");
});

test("a message is one line of JSON for programs, with its payload as JSON", () => {
  const payload = { typeUrl: "t/a.B", value: new Uint8Array([1]) };
  const { sentAt, ...rest } = message;
  assert.deepEqual(JSON.parse(messageJsonLine({ ...message, payload }, types)), {
    ...rest,
    sentAt: sentAt.toISOString(),
    payload: { "@type": "t/a.B", value: "AQ==" },
  });
});

test("nothing in a stranger's text reaches the terminal as an order", () => {
  assert.equal(printable("a\u001b[2J\u0000\u007f\u009b\u202e\u2028b"), "a␛[2J␀␡\ufffd\ufffd\ufffdb");
  assert.equal(printable("漢 🌍 é"), "漢 🌍 é");
});

test("a duplicate's position is still the first word", () => {
  const ack = { id: "1", position: "7:1", sentAt: new Date(0), duplicate: true };
  assert.equal(ackLine(ack), "7:1 duplicate");
  assert.equal(ackLine({ ...ack, duplicate: false }), "7:1");
});

test("columns are as wide as their widest cell", () => {
  const room = { name: "a-long-room-name", oldest: "7:1", newest: "7:12", messages: 12, members: 1, subscribers: 2 };
  assert.deepEqual(roomLines([room]), [
    "ROOM              MESSAGES  MEMBERS  SUBSCRIBERS  NEWEST",
    "a-long-room-name  12        1        2            7:12",
  ]);
});
