import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { formatVersion } from "../log-format.js";
import { frameOf, kinds, numberFrame, protocolVersion, sequenceFrame } from "./frames.js";
import { assertFaultless, TestReaders } from "./testing/test-readers.js";

/** What a connection gets back until it ends. */
async function untilEnd(socket: Socket): Promise<Buffer> {
  const chunks: Buffer[] = [];
  socket.on("data", (chunk) => chunks.push(chunk)).on("error", () => undefined);
  await once(socket, "close");
  return Buffer.concat(chunks);
}

test("bytes that are not a reader's end their own connection, and nothing else", async (t) => {
  const readers = new TestReaders(t);
  const owner = await readers.owner();
  const reader = await readers.reader(["plain-0"]);
  const hostile = [
    randomBytes(1_000),
    Buffer.alloc(100, 0xff),
    frameOf(kinds.ask, Buffer.alloc(3)),
    frameOf(kinds.batch, Buffer.alloc(4)),
    Buffer.from("GET / HTTP/1.1\r\n\r\n"),
  ];
  for (const bytes of hostile) {
    const socket = connect(join(readers.folder, "readers.sock"));
    const ended = untilEnd(socket);
    socket.write(bytes);
    await ended;
    await owner.ask("send", "plain-0", ["still there"]);
  }
  await reader.ask("caughtUp");
  assert.equal(await reader.ask("count"), hostile.length);
  await assertFaultless(reader);
  assert.equal(reader.told.length, 1, "one beginning");
});

const hello = numberFrame(kinds.hello, protocolVersion, formatVersion, 7);
const ready = sequenceFrame(kinds.ready, 1);

const wrong: readonly (readonly [what: string, bytes: Buffer, reason: RegExp])[] = [
  ["random bytes", Buffer.alloc(1_000, 0x99), /a frame has \d+ bytes/],
  ["no greeting", ready, /did not say which log it has/],
  ["another version", numberFrame(kinds.hello, protocolVersion + 1, formatVersion, 7), /another version/],
  ["another format", numberFrame(kinds.hello, protocolVersion, formatVersion + 1, 7), /another version/],
  ["a short greeting", numberFrame(kinds.hello, protocolVersion), /outside buffer bounds|out of range/],
  ["a log that is not there", hello, /ENOENT/],
  ["an end at once", Buffer.alloc(0), /the server has closed the connection/],
  ["a refusal", frameOf(kinds.refused, Buffer.from("too late")), /too late/],
];

for (const [what, bytes, reason] of wrong)
  test(`a server that sends ${what} is refused`, async (t) => {
    const readers = new TestReaders(t);
    const server = createServer((socket) => void socket.on("error", () => undefined).end(bytes));
    t.after(() => server.close());
    await once(server.listen(join(readers.folder, "readers.sock")), "listening");
    await assert.rejects(readers.reader(), reason);
  });

test("an owner that is cut off in the middle, or says what does not fit, is left for the next one", async (t) => {
  const readers = new TestReaders(t);
  const owner = await readers.owner();
  await owner.ask("send", "plain-0", ["one"]);
  await owner.ask("close");
  // A folder with a log, and a program in it that is not its owner.
  const rest = [
    Buffer.concat([hello, ready, sequenceFrame(kinds.batch, 2, Buffer.from([3, 0, 0]))]),
    Buffer.concat([hello, ready, frameOf(kinds.stored)]),
    Buffer.concat([hello, frameOf(kinds.taken), frameOf(kinds.taken)]),
    Buffer.concat([hello, ready, frameOf(kinds.held)]),
    Buffer.concat([hello, hello]),
    Buffer.concat([hello, ready, numberFrame(kinds.reached, 1)]),
    Buffer.concat([hello, ready, frameOf(77)]),
    Buffer.concat([hello, sequenceFrame(kinds.batch, 1)]),
  ];
  let given = 0;
  const server = createServer((socket) => {
    socket.on("error", () => undefined);
    const next = rest[given++];
    if (next) socket.end(next);
    else server.close();
    if (!next) socket.destroy();
  });
  await once(server.listen(join(readers.folder, "readers.sock")), "listening");
  const reader = readers.start("reader");
  // Some of these servers began as one does.
  await reader.ask("open", readers.folder).catch(() => undefined);
  await once(server, "close");
  const next = await readers.owner();
  while ((await reader.ask("trouble")) !== undefined);
  assert.deepEqual(await reader.ask("read"), await next.ask("read"));
});
