import assert from "node:assert/strict";
import { once } from "node:events";
import { after, before, test } from "node:test";
import { encodeBinaryFrame, encodeCloseFrame, encodePingFrame } from "./frame-writer.js";
import { opcode } from "./opcode.js";
import { clientCloseFrame, clientFrame, textFrame } from "./testing/client-frame.js";
import { type Accepted, type EchoServer, RawClient, startEchoServer } from "./testing/echo-server.js";

let server: EchoServer;
before(async () => {
  server = await startEchoServer({ maxQueuedBytes: 100_000 });
});
after(() => server.stop());

async function openRaw() {
  const accepting = server.nextAccepted();
  const client = new RawClient(server.port);
  await once(client.socket, "data");
  return { client, accepted: await accepting };
}

const frame = encodeBinaryFrame(Buffer.alloc(60_000));

/** Write until the kernel takes no more and `write` says so. */
function fill({ connection }: Accepted): number {
  let frames = 1;
  while (connection.write(frame)) frames++;
  return frames;
}

test("write says false only past maxQueuedBytes, and drained comes once, when the queue is empty", async () => {
  const { client, accepted } = await openRaw();
  client.socket.pause();
  const frames = fill(accepted);
  assert.ok(accepted.connection.queuedBytes > 100_000 && accepted.connection.queuedBytes <= 100_000 + frame.length);
  const hasDrained = new Promise<void>((resolve) => {
    accepted.onDrained = resolve;
  });
  client.socket.resume();
  await hasDrained;
  assert.deepEqual([accepted.connection.queuedBytes, accepted.drainedCount], [0, 1]);
  assert.equal((await client.frameBytes(frames * frame.length)).length, frames * frame.length);
  // Enough for the socket's own mark, not for ours: it drains, and nobody waits for that.
  client.socket.pause();
  const socketDrained = once(accepted.socket, "drain");
  while (!accepted.socket.writableNeedDrain) accepted.connection.write(frame);
  client.socket.resume();
  await socketDrained;
  assert.equal(accepted.drainedCount, 1);
  client.socket.destroy();
});

test("a peer that pings and does not read cannot grow the queue", async () => {
  const { client, accepted } = await openRaw();
  client.socket.pause();
  fill(accepted);
  const { queuedBytes } = accepted.connection;
  const pings = Buffer.concat(
    Array.from({ length: 500 }, () => clientFrame({ kind: opcode.ping, payload: "x".repeat(125) })),
  );
  const hasMessage = new Promise<void>((resolve) => {
    accepted.onMessage = () => resolve();
  });
  client.socket.write(Buffer.concat([pings, textFrame("last")]));
  await hasMessage;
  assert.equal(accepted.connection.queuedBytes, queuedBytes);
  client.socket.destroy();
});

test("a paused connection reads again after resume, and loses nothing", async () => {
  const { client, accepted } = await openRaw();
  accepted.connection.pause();
  for (let i = 0; i < 50; i++) client.socket.write(textFrame(`${i}`.padEnd(20_000)));
  let received = 0;
  const hasAll = new Promise<void>((resolve) => {
    accepted.onMessage = () => {
      if (++received === 50) resolve();
    };
  });
  accepted.connection.resume();
  await hasAll;
  assert.deepEqual(
    accepted.messages.map(Number),
    Array.from({ length: 50 }, (_, i) => i),
  );
  client.socket.destroy();
});

test("a listener that pauses in the middle of a chunk gets the rest of it after resume", async () => {
  const { client, accepted } = await openRaw();
  const { connection, messages } = accepted;
  let hasMessage: () => void = () => assert.fail("a message came during the pause");
  accepted.onMessage = () => {
    connection.pause();
    hasMessage();
  };
  const next = () =>
    new Promise<void>((resolve) => {
      hasMessage = resolve;
    });
  const first = next();
  client.socket.write(Buffer.concat([textFrame("a"), textFrame("b"), textFrame("c")]));
  await first;
  assert.deepEqual(messages, ["a"]);
  const second = next();
  connection.resume();
  await second;
  assert.deepEqual(messages, ["a", "b"]);
  const third = next();
  connection.resume();
  await third;
  assert.deepEqual(messages, ["a", "b", "c"]);
  client.socket.destroy();
});

test("a paused connection is not given up for a silence that it does not hear", async () => {
  const { client, accepted } = await openRaw();
  accepted.connection.pause();
  for (let tick = 0; tick < 40; tick++) server.sweep();
  assert.deepEqual(accepted.closings, []);
  accepted.connection.resume();
  for (let tick = 0; tick < 8; tick++) server.sweep();
  assert.deepEqual(
    accepted.closings.map(({ code }) => code),
    [4509],
  );
  client.socket.destroy();
});

test("a silent peer is pinged, and one that stays silent gets 4509 and the end", async () => {
  const { client, accepted } = await openRaw();
  const expected = Buffer.concat([
    encodePingFrame(Buffer.alloc(0)),
    encodeCloseFrame(4509, "PING_TIMEOUT: The peer did not answer a ping"),
  ]);
  // Four ticks to an interval of 4 s.
  for (let tick = 0; tick < 8; tick++) server.sweep();
  assert.deepEqual(
    accepted.closings.map(({ code }) => code),
    [4509],
  );
  assert.deepEqual(await client.untilEnd(), expected);
  client.socket.destroy();
});

test("a silent peer that answers its ping lives on", async () => {
  const { client, accepted } = await openRaw();
  for (let tick = 0; tick < 4; tick++) server.sweep();
  assert.deepEqual(await client.frameBytes(2), encodePingFrame(Buffer.alloc(0)));
  client.socket.write(Buffer.concat([clientFrame({ kind: opcode.pong }), textFrame("x")]));
  await client.frameBytes(5);
  for (let tick = 0; tick < 4; tick++) server.sweep();
  assert.deepEqual(accepted.closings, []);
  client.socket.destroy();
});

test("a peer that never answers a close frame is cut off after the bounded wait", async () => {
  const { client, accepted } = await openRaw();
  accepted.connection.close(1012);
  for (let tick = 0; tick < 4; tick++) server.sweep();
  assert.equal(accepted.socket.destroyed, false);
  server.sweep();
  assert.equal(accepted.socket.destroyed, true);
  await accepted.isClosed;
  assert.equal(accepted.closings[0]?.code, 1006);
  assert.deepEqual(await client.untilEnd(), encodeCloseFrame(1012));
  client.socket.destroy();
});

test("a connection that its owner has paused still hears the peer's close frame after its own", async () => {
  const { client, accepted } = await openRaw();
  accepted.connection.pause();
  accepted.connection.close(1012);
  client.socket.write(clientCloseFrame(1012));
  await accepted.isClosed;
  assert.equal(accepted.closings[0]?.code, 1012);
  client.socket.destroy();
});

test("the last connection to end stops the heartbeat", async () => {
  const alone = await startEchoServer();
  const accepting = alone.nextAccepted();
  const client = new RawClient(alone.port);
  const accepted = await accepting;
  assert.ok(alone.isBeating());
  client.socket.destroy();
  await accepted.isClosed;
  assert.ok(!alone.isBeating());
  await alone.stop();
});

test("a peer that closes but never ends its socket is cut off after the bounded wait", async () => {
  const { client, accepted } = await openRaw();
  client.socket.write(clientFrame({ kind: 3 }));
  await client.untilEnd();
  for (let tick = 0; tick < 5; tick++) server.sweep();
  assert.equal(accepted.socket.destroyed, true);
  assert.deepEqual(
    accepted.closings.map(({ code }) => code),
    [1002],
  );
  client.socket.destroy();
});

test("answers of one tick leave in one write, and before what closes the connection", async () => {
  const { client, accepted } = await openRaw();
  const { socket, connection } = accepted;
  const writes: number[] = [];
  const original = socket._writev?.bind(socket);
  socket._writev = (chunks, done) => {
    writes.push(chunks.length);
    original?.(chunks, done);
  };
  for (let count = 0; count < 100; count++) connection.sendBinary(Buffer.alloc(10));
  // The promises of a group settle one after the other in the same tick.
  await Promise.resolve();
  assert.deepEqual(writes, []);
  const bytes = 100 * encodeBinaryFrame(Buffer.alloc(10)).length;
  assert.equal((await client.frameBytes(bytes)).length, bytes);
  connection.sendText("last");
  connection.close(1000);
  const end = encodeCloseFrame(1000);
  const tail = await client.frameBytes(bytes + 6 + end.length);
  assert.deepEqual([...tail.subarray(-end.length)], [...end]);
  assert.deepEqual(writes, [100, 2]);
  client.socket.destroy();
});
