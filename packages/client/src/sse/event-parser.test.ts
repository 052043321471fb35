import assert from "node:assert/strict";
import { test } from "node:test";
import { EventParser, type ServerSentEvent } from "./event-parser.js";

/** The events of `text` cut into pieces of `size` characters. */
function parsed(text: string, size = text.length): ServerSentEvent[] {
  const parser = new EventParser();
  const events: ServerSentEvent[] = [];
  for (let at = 0; at < text.length; at += size) events.push(...parser.push(text.slice(at, at + size)));
  return events;
}

const stream =
  ': heartbeat\n\nretry: 500\nid: 7:1\ndata: {"a":1}\n\nevent: error\ndata: one\ndata: two\n\nid: 7:2\ndata\n\n';
const expected: ServerSentEvent[] = [
  { type: "message", data: '{"a":1}', id: "7:1" },
  { type: "error", data: "one\ntwo", id: "7:1" },
  { type: "message", data: "", id: "7:2" },
];

test("events are the same with LF, CR LF and CR, and however they are cut", () => {
  for (const lineEnd of ["\n", "\r\n", "\r"]) {
    const text = stream.replaceAll("\n", lineEnd);
    for (const size of [1, 2, 3, 5, 7, text.length]) {
      assert.deepEqual(parsed(text, size), expected, `${JSON.stringify(lineEnd)} in pieces of ${size}`);
    }
  }
});

test("an event is given out with its empty line and not before", () => {
  const parser = new EventParser();
  assert.deepEqual(parser.push("data: x\n"), []);
  assert.deepEqual(parser.push("\n"), [{ type: "message", data: "x", id: "" }]);
});

test("an empty piece between CR and LF does not end a line twice", () => {
  const parser = new EventParser();
  parser.push("data: a\r");
  parser.push("");
  assert.deepEqual(parser.push("\ndata: b\r\n\r\n"), [{ type: "message", data: "a\nb", id: "" }]);
});

test("one space after the colon belongs to the syntax, a second one to the value", () => {
  assert.deepEqual(
    parsed("data:  x\n\ndata:y\n\n").map(({ data }) => data),
    [" x", "y"],
  );
});

test("an id that holds NUL is ignored", () => {
  assert.deepEqual(
    parsed("id: 7:1\ndata: a\n\nid: 7\0\ndata: b\n\n").map(({ id }) => id),
    ["7:1", "7:1"],
  );
});

test("an unknown field is ignored", () => {
  assert.deepEqual(parsed("mood: good\ndata: a\n\n"), [{ type: "message", data: "a", id: "" }]);
});
