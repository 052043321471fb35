import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:http2";
import { test } from "node:test";
import type { Exchange } from "../exchange.js";
import { connectionWindowBytes, streamWindowBytes } from "./flow-control.js";
import { ErrorCode, Flag, FrameType } from "./frame.js";
import { chunkOverheadBytes } from "./send-queue.js";
import { frame, headers, numberPayload, RawPeer, settingsPayload } from "./testing/raw-peer.js";
import { echo, openServer, Recorder } from "./testing/server.js";

const initialWindowSize = 4;

function counting(count: number): Buffer {
  return Buffer.from(Uint8Array.from({ length: count }, (_, at) => at * 31));
}

for (const windowBytes of [1, 1000, 65_535, 1_000_000]) {
  test(`a large body goes and comes back whole when the client's window has ${windowBytes} bytes`, async (t) => {
    const server = await openServer(echo);
    const client = connect(`http://127.0.0.1:${server.port}`, { settings: { initialWindowSize: windowBytes } });
    t.after(async () => {
      client.destroy();
      await server.close();
    });
    const body = counting(windowBytes === 1 ? 2_000 : 3_000_000);
    const stream = client.request({ ":method": "POST" });
    stream.end(body);
    const chunks: Buffer[] = [];
    stream.on("data", (chunk) => chunks.push(chunk));
    await once(stream, "end");
    assert.ok(Buffer.concat(chunks).equals(body));
  });
}

/** A server whose one exchange is at hand, and a raw client that has opened it. */
async function openExchange(
  t: { after(fn: () => Promise<void>): void },
  windowBytes: number,
  highWaterMarkBytes = 2000 + chunkOverheadBytes,
) {
  let exchange: Exchange | undefined;
  const recorder = new Recorder();
  const server = await openServer(
    (one) => {
      exchange = one;
      one.listen(recorder);
      one.respond(200, {});
    },
    { highWaterMarkBytes },
  );
  const peer = await RawPeer.open(server.port, settingsPayload([initialWindowSize, windowBytes]));
  t.after(async () => {
    await peer.close();
    await server.close();
  });
  peer.send(headers(1, 0));
  await peer.nextOn(1, FrameType.HEADERS);
  assert.ok(exchange);
  return { exchange, recorder, peer, server };
}

function widen(streamId: number, increment: number): Buffer {
  return frame(FrameType.WINDOW_UPDATE, 0, streamId, numberPayload(increment));
}

test("write returns false past the high-water mark, and drained is called when the window opens", async (t) => {
  const { exchange, recorder, peer } = await openExchange(t, 10);
  assert.equal(exchange.write(counting(10)), true);
  assert.equal(exchange.queuedBytes, 0);
  assert.equal(exchange.write(counting(2000)), true);
  assert.equal(exchange.queuedBytes, 2000 + chunkOverheadBytes);
  assert.equal(exchange.write(counting(1)), false);
  assert.equal(exchange.queuedBytes, 2001 + 2 * chunkOverheadBytes);
  await peer.nextOn(1, FrameType.DATA);

  const half = (2000 + chunkOverheadBytes) / 2;
  const left = half - 2 * chunkOverheadBytes;
  peer.send(widen(1, 2001 - left - 1));
  await peer.nextOn(1, FrameType.DATA);
  // One byte more than half is left: waking the writer now would be for a few bytes.
  assert.deepEqual(recorder.events, []);
  peer.send(widen(1, 1));
  await recorder.saw("drained");
  assert.equal(exchange.queuedBytes, half);
});

test("a response that ends with bytes queued sends them, then its trailers", async (t) => {
  const { exchange, peer } = await openExchange(t, 0);
  exchange.write(counting(20));
  exchange.end({ "grpc-status": "0" });
  await peer.settled();
  peer.send(widen(1, 20));
  const data = await peer.nextOn(1, FrameType.DATA);
  assert.ok(data.payload.equals(counting(20)));
  assert.equal(data.flags, 0);
  assert.equal((await peer.nextOn(1, FrameType.HEADERS)).flags, Flag.END_STREAM | Flag.END_HEADERS);
});

test("a smaller INITIAL_WINDOW_SIZE makes windows negative, and they open again only above zero", async (t) => {
  const { exchange, peer } = await openExchange(t, 100);
  exchange.write(counting(90));
  await peer.nextOn(1, FrameType.DATA);
  peer.send(frame(FrameType.SETTINGS, 0, 0, settingsPayload([initialWindowSize, 20])));
  await peer.settled();
  // 100 - 90 = 10 left, minus 80 = -70.
  exchange.write(counting(5));
  peer.send(widen(1, 70));
  await peer.settled();
  assert.equal(exchange.queuedBytes, 5 + chunkOverheadBytes);
  peer.send(widen(1, 3));
  assert.equal((await peer.nextOn(1, FrameType.DATA)).payload.length, 3);
  peer.send(frame(FrameType.SETTINGS, 0, 0, settingsPayload([initialWindowSize, 22])));
  assert.equal((await peer.nextOn(1, FrameType.DATA)).payload.length, 2);
});

test("streams that wait for the connection's window take turns", async (t) => {
  const exchanges: Exchange[] = [];
  const server = await openServer((one) => {
    exchanges.push(one);
    one.listen(new Recorder());
    one.respond(200, {});
  });
  const peer = await RawPeer.open(server.port, settingsPayload([initialWindowSize, 1_000_000]));
  t.after(async () => {
    await peer.close();
    await server.close();
  });
  peer.send(headers(1, 0), headers(3, 0), headers(5, 0));
  await peer.nextOn(5, FrameType.HEADERS);
  for (const exchange of exchanges) exchange.write(counting(100_000));
  await peer.settled();
  // The window of 65,535 bytes went to the first; the other two share what comes now.
  peer.frames.length = 0;
  peer.send(widen(0, 6 * 16_384));
  const order: number[] = [];
  for (let n = 0; n < 6; n += 1) order.push((await peer.next((one) => one.type === FrameType.DATA)).streamId);
  assert.deepEqual([...order].sort(), [1, 1, 3, 3, 5, 5]);
});

test("a paused request is not read past the stream's window, and goes on when resumed", async (t) => {
  const { exchange, recorder, peer } = await openExchange(t, 0);
  exchange.pause();
  const block = counting(16_384);
  for (let sent = 0; sent < streamWindowBytes; sent += block.length) peer.send(frame(FrameType.DATA, 0, 1, block));
  await peer.settled();
  assert.deepEqual(recorder.events, []);
  assert.equal(peer.frames.filter((one) => one.type === FrameType.WINDOW_UPDATE && one.streamId === 1).length, 0);
  exchange.resume();
  await peer.nextOn(1, FrameType.WINDOW_UPDATE);
  assert.equal(recorder.body.length, streamWindowBytes);
  peer.send(frame(FrameType.DATA, Flag.END_STREAM, 1, block));
  await recorder.saw("ended");
  assert.equal(recorder.body.length, streamWindowBytes + block.length);
});

test("the end of a request comes after what a paused listener has not read", async (t) => {
  const { exchange, recorder, peer } = await openExchange(t, 0);
  exchange.pause();
  peer.send(frame(FrameType.DATA, 0, 1, counting(5)), frame(FrameType.DATA, Flag.END_STREAM, 1));
  await peer.settled();
  assert.ok(exchange.share.isFree);
  exchange.resume();
  assert.deepEqual(recorder.events, []);
  // A request that came now would overtake this one.
  assert.ok(!exchange.share.isFree);
  await recorder.saw("ended");
  assert.deepEqual(recorder.events, ["data", "ended"]);
  await peer.settled();
  assert.ok(exchange.share.isFree);
});

test("a step of the share is given at once what a paused listener has not read, and whether it is all", async (t) => {
  const { exchange, recorder, peer } = await openExchange(t, 0);
  exchange.pause();
  peer.send(frame(FrameType.DATA, 0, 1, counting(5)), frame(FrameType.DATA, Flag.END_STREAM, 1, counting(7)));
  await peer.settled();
  exchange.resume(true);
  assert.deepEqual(recorder.events, ["data", "ended"]);
  assert.equal(recorder.body.length, 12);
  assert.ok(recorder.knewLast);
});

test("a body above the stream's window is a FLOW_CONTROL_ERROR of the stream", async (t) => {
  const { exchange, peer, recorder } = await openExchange(t, 0);
  exchange.pause();
  const block = counting(16_384);
  for (let sent = 0; sent <= streamWindowBytes; sent += block.length) peer.send(frame(FrameType.DATA, 0, 1, block));
  assert.equal(await peer.resetOf(1), ErrorCode.FLOW_CONTROL_ERROR);
  await recorder.saw("aborted");
});

test("bodies above the connection's window are a FLOW_CONTROL_ERROR of the connection", async (t) => {
  const server = await openServer((one) => {
    one.listen(new Recorder());
    one.pause();
  });
  const peer = await RawPeer.open(server.port);
  t.after(async () => {
    await peer.close();
    await server.close();
  });
  const block = counting(16_384);
  let sent = 0;
  for (let streamId = 1; sent <= connectionWindowBytes; streamId += 2) {
    peer.send(headers(streamId, 0));
    for (let n = 0; n < 16 && sent <= connectionWindowBytes; n += 1, sent += block.length) {
      peer.send(frame(FrameType.DATA, 0, streamId, block));
    }
  }
  assert.equal(await peer.goAway(), ErrorCode.FLOW_CONTROL_ERROR);
});

test("what was sent to streams that died unread is given back to the connection's window", async (t) => {
  const server = await openServer((one) => {
    one.listen(new Recorder());
    one.pause();
  });
  const peer = await RawPeer.open(server.port);
  t.after(async () => {
    await peer.close();
    await server.close();
  });
  const block = counting(16_384);
  for (let streamId = 1; streamId < 100; streamId += 2) {
    peer.send(headers(streamId, 0), ...Array.from({ length: 4 }, () => frame(FrameType.DATA, 0, streamId, block)));
    peer.send(frame(FrameType.RST_STREAM, 0, streamId, numberPayload(ErrorCode.CANCEL)));
    await peer.settled();
  }
});

test("padding counts against the windows and is given back", async (t) => {
  const { recorder, peer } = await openExchange(t, 0);
  const padded = Buffer.concat([Buffer.from([255]), counting(1), Buffer.alloc(255)]);
  for (let sent = 0; sent < streamWindowBytes * 3; sent += padded.length) {
    peer.send(frame(FrameType.DATA, Flag.PADDED, 1, padded));
    if (sent % 100 === 0) await peer.settled();
  }
  peer.send(frame(FrameType.DATA, Flag.END_STREAM, 1));
  await recorder.saw("ended");
});
