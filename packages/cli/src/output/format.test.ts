import assert from "node:assert/strict";
import { test } from "node:test";
import { PayloadTypes } from "@confab/contract";
import { ackLine, messageJsonLine, messageLine, roomLines } from "./format.js";
import { printable } from "./printable.js";

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

test("a message is one line of JSON for programs, with its payload as the contract writes it in JSON", () => {
  const { sentAt, ...rest } = message;
  const line = { ...rest, sentAt: sentAt.toISOString() };
  const unknown = { typeUrl: "t/a.B", value: new Uint8Array([8, 1]) };
  assert.deepEqual(JSON.parse(messageJsonLine({ ...message, payload: unknown }, types)), {
    ...line,
    encodedPayload: { typeUrl: "t/a.B", value: "CAE=" },
  });
  const position = { typeUrl: "t/confab.v1.Position", value: new Uint8Array([0x0d, 7, 0, 0, 0]) };
  assert.deepEqual(JSON.parse(messageJsonLine({ ...message, payload: position }, types)), {
    ...line,
    payload: { "@type": "t/confab.v1.Position", epoch: 7 },
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
  assert.deepEqual(roomLines([{ ...room, readMark: "7:9", unread: 3 }, room]), [
    "ROOM              UNREAD  MESSAGES  MEMBERS  SUBSCRIBERS  NEWEST",
    "a-long-room-name  3       12        1        2            7:12",
    "a-long-room-name          12        1        2            7:12",
  ]);
});
