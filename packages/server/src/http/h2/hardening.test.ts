import assert from "node:assert/strict";
import { test } from "node:test";
import type { Exchange, RequestHead } from "../exchange.js";
import { readHeaderFactor } from "../header-size.js";
import { ErrorCode, Flag, FrameType } from "./frame.js";
import { maxContinuationFrames, maxUnsentAnswers } from "./guard.js";
import { HpackDecoder } from "./hpack/decoder.js";
import { encodeBlock } from "./hpack/encoder.js";
import { defaultTimeouts } from "./options.js";
import {
  frame,
  headers,
  literalWithIndexing,
  numberPayload,
  postFields,
  RawPeer,
  settingsPayload,
} from "./testing/raw-peer.js";
import { echo, openServer, Recorder } from "./testing/server.js";
import { answerHead, openWithPeer } from "./testing/with-peer.js";

const reset = (streamId: number): Buffer => frame(FrameType.RST_STREAM, 0, streamId, numberPayload(ErrorCode.CANCEL));
const ping = frame(FrameType.PING, 0, 0, Buffer.alloc(8));

function statusIn(payload: Buffer): string | undefined {
  return new HpackDecoder(1000).decode(payload, 0, payload.length)[0]?.value;
}

test("request heads are served at maxHeaderBytes and handed over to be refused above, and the connection goes on", async (t) => {
  const { peer } = await openWithPeer(t, { maxHeaderBytes: 1000 }, answerHead);
  const base = Object.entries(postFields).reduce((sum, [name, value]) => sum + name.length + value.length + 32, 0);
  for (const [streamId, excess, status] of [
    [1, 0, "200"],
    [3, 1, "431"],
    [5, 0, "200"],
  ] as const) {
    peer.send(headers(streamId, Flag.END_STREAM, { ...postFields, a: "~".repeat(1000 - base - 33 + excess) }));
    assert.equal(statusIn((await peer.nextOn(streamId, FrameType.HEADERS)).payload), status);
  }
});

test("a refused head has its path and content type, and a bounded number of fields, wherever the large ones stand", async (t) => {
  const requests: RequestHead[] = [];
  const { peer } = await openWithPeer(t, { maxHeaderBytes: 1000 }, (one) => {
    requests.push(one.request);
    answerHead(one);
  });
  const type = { "content-type": "application/grpc" };
  const large = { a: "~".repeat(2000) };
  peer.send(headers(1, Flag.END_STREAM, { ...postFields, ...type, ...large }));
  peer.send(headers(3, Flag.END_STREAM, { ...postFields, ...large, ...type, b: "lost" }));
  // One entry of the table, referred to without end.
  const entry = encodeBlock(0, { ...postFields, ...large });
  const bomb = Buffer.concat([
    entry,
    literalWithIndexing("content-type", "x".repeat(900)),
    Buffer.alloc(5_000, 0x80 | 62),
  ]);
  peer.send(frame(FrameType.HEADERS, Flag.END_HEADERS | Flag.END_STREAM, 5, bomb));
  await peer.nextOn(5, FrameType.HEADERS);
  assert.deepEqual(
    requests.map(({ target, refusal, headers: { "content-type": named = "", b } }) => [
      target,
      refusal?.code,
      named.slice(0, 16),
      named.length < 10_000,
      b,
    ]),
    [
      ["/a", "HEADERS_TOO_LARGE", "application/grpc", true, undefined],
      ["/a", "HEADERS_TOO_LARGE", "application/grpc", true, undefined],
      ["/a", "HEADERS_TOO_LARGE", "xxxxxxxxxxxxxxxx", true, undefined],
    ],
  );
});

test("a header block may take maxContinuationFrames, and one more ends the connection", async (t) => {
  const { peer } = await openWithPeer(t);
  const block = encodeBlock(0, postFields);
  const continuations = (streamId: number, count: number): Buffer[] => [
    frame(FrameType.HEADERS, Flag.END_STREAM, streamId, block.subarray(0, 1)),
    ...Array.from({ length: count - 1 }, () => frame(FrameType.CONTINUATION, 0, streamId)),
    frame(FrameType.CONTINUATION, Flag.END_HEADERS, streamId, block.subarray(1)),
  ];
  peer.send(...continuations(1, maxContinuationFrames));
  await peer.nextOn(1, FrameType.HEADERS);
  peer.send(...continuations(3, maxContinuationFrames + 1));
  assert.equal(await peer.goAway(), ErrorCode.ENHANCE_YOUR_CALM);
});

test("a header block is read up to readHeaderFactor times maxHeaderBytes, and above the connection ends", async (t) => {
  const { peer } = await openWithPeer(t, { maxHeaderBytes: 1000 }, answerHead);
  const block = encodeBlock(0, { ...postFields, a: "~".repeat(1000), b: "" });
  const most = 1000 * readHeaderFactor;
  // An indexed field of the static table, in one byte.
  const send = (streamId: number, bytes: number): void => {
    const filled = Buffer.concat([block, Buffer.alloc(bytes - block.length, 0x80 | 19)]);
    peer.send(
      frame(FrameType.HEADERS, Flag.END_STREAM, streamId, filled.subarray(0, 900)),
      frame(FrameType.CONTINUATION, Flag.END_HEADERS, streamId, filled.subarray(900)),
    );
  };
  send(1, most);
  assert.equal(statusIn((await peer.nextOn(1, FrameType.HEADERS)).payload), "431");
  send(3, most + 1);
  assert.equal(await peer.goAway(), ErrorCode.ENHANCE_YOUR_CALM);
});

test("a client that pings and never reads is cut off with a bounded number of answers held", async (t) => {
  const { peer, server } = await openWithPeer(t);
  peer.socket.pause();
  const many = Buffer.concat(Array.from({ length: 3000 }, () => ping));
  while (server.connections[0] && server.sockets[0]?.writableEnded === false) {
    await new Promise<void>((resolve) => {
      peer.socket.write(many, () => resolve());
      server.sockets[0]?.once("finish", resolve);
      server.sockets[0]?.once("close", resolve);
    });
    assert.ok((server.sockets[0]?.writableLength ?? 0) < maxUnsentAnswers * 17 + 1_000_000);
  }
  assert.equal(server.connections[0]?.openStreams, 0);
});

test("a client that asks and never reads stops being read itself, and goes when it stays silent", async (t) => {
  const big = Buffer.alloc(60_000);
  const { peer, server } = await openWithPeer(t, {}, (one) => {
    one.listen(new Recorder());
    one.respond(200, {});
    one.write(big);
    one.end();
  });
  peer.socket.pause();
  peer.send(frame(FrameType.SETTINGS, 0, 0, settingsPayload([4, 0x7fff_ffff])));
  peer.send(frame(FrameType.WINDOW_UPDATE, 0, 0, numberPayload(0x7fff_0000)));
  for (let streamId = 1; streamId < 199; streamId += 2) peer.send(headers(streamId, Flag.END_STREAM));
  const socket = server.sockets[0];
  assert.ok(socket);
  // The kernel takes some megabytes; after that the socket holds what one turn may collect, and the rest is queued.
  server.pass(defaultTimeouts.pingIntervalMs + defaultTimeouts.pingTimeoutMs + 5_000);
  await server.connections[0]?.closed;
  assert.ok(socket.writableLength < 1_000_000);
});

test("more than maxStreams at once are refused so that the client may retry", async (t) => {
  const { peer } = await openWithPeer(t, { maxStreams: 2 }, (one) => one.listen(new Recorder()));
  peer.send(headers(1, 0), headers(3, 0), headers(5, 0));
  assert.equal(await peer.resetOf(5), ErrorCode.REFUSED_STREAM);
  peer.send(reset(1), headers(7, 0));
  await peer.settled();
  assert.equal(peer.frames.length, 0);
});

test("a stream that is opened and forgotten is reset, one that was answered may stay silent", async (t) => {
  const recorders: Recorder[] = [];
  const { peer, server } = await openWithPeer(t, {}, (one) => {
    const recorder = new Recorder();
    recorders.push(recorder);
    one.listen(recorder);
    if (one.request.target === "/answered") one.respond(200, {});
  });
  peer.send(headers(1, 0), headers(3, 0, { ...postFields, ":path": "/answered" }));
  await peer.nextOn(3, FrameType.HEADERS);
  for (let passed = 0; passed < 3 * defaultTimeouts.streamStallMs; passed += 20_000) {
    server.pass(20_000);
    await peer.settled().catch(() => undefined);
    if (recorders[0]?.events.includes("aborted")) break;
  }
  assert.deepEqual(recorders[0]?.events, ["aborted"]);
  assert.deepEqual(recorders[1]?.events, []);
});

for (const [what, trickle] of [
  ["stays away", ""],
  ["trickles in", "x"],
] as const) {
  // Such streams were never given up: maxStreams of them, and the connection served nothing more.
  test(`a request that was answered before its announced body, which ${what}, is reset without an error`, async (t) => {
    const { peer, server } = await openWithPeer(t, { maxStreams: 10 }, answerHead);
    const streamIds = Array.from({ length: 10 }, (_, i) => 2 * i + 1);
    for (const streamId of streamIds) {
      peer.send(headers(streamId, 0, { ...postFields, "content-length": "100" }));
      await peer.nextOn(streamId, FrameType.HEADERS);
    }
    await peer.settled();
    const [socket] = server.sockets;
    const [connection] = server.connections;
    assert.ok(socket && connection);
    assert.equal(connection.openStreams, 10);
    for (let passedMs = 0; passedMs <= 2 * defaultTimeouts.streamStallMs; passedMs += 20_000) {
      server.pass(20_000);
      if (connection.openStreams < 10) break;
      const readBytes = socket.bytesRead;
      // Without any frame the whole connection would be given up as silent.
      peer.send(frame(FrameType.SETTINGS, Flag.ACK, 0));
      if (trickle !== "") peer.send(...streamIds.map((id) => frame(FrameType.DATA, 0, id, Buffer.from(trickle))));
      while (socket.bytesRead === readBytes) await new Promise(setImmediate);
    }
    assert.ok(connection.openStreams < 10);
    for (const streamId of streamIds) assert.equal(await peer.resetOf(streamId), ErrorCode.NO_ERROR);
    peer.send(headers(21, Flag.END_STREAM));
    await peer.nextOn(21, FrameType.HEADERS);
  });
}

test("a complete response of which the client takes nothing is given up after replyStallMs", async (t) => {
  const recorder = new Recorder();
  const { peer, server } = await openWithPeer(t, {}, (one) => {
    one.listen(recorder);
    one.respond(200, {});
    one.write(Buffer.alloc(100_000));
    one.end();
  });
  peer.send(headers(1, Flag.END_STREAM));
  await peer.nextOn(1, FrameType.DATA);
  const { replyStallMs } = defaultTimeouts;
  for (let passedMs = 0; passedMs < replyStallMs; passedMs += replyStallMs / 4) {
    assert.deepEqual(recorder.events, ["ended"], `after ${passedMs} ms`);
    server.pass(replyStallMs / 4);
    await peer.settled();
  }
  server.pass(replyStallMs / 4);
  await peer.settled();
  assert.deepEqual(recorder.events, ["ended", "aborted"]);
});

test("a complete response that the client takes bit by bit is not given up", async (t) => {
  const recorder = new Recorder();
  const { peer, server } = await openWithPeer(t, {}, (one) => {
    one.listen(recorder);
    one.respond(200, {});
    one.write(Buffer.alloc(70_000));
    one.end();
  });
  peer.send(headers(1, Flag.END_STREAM));
  await peer.nextOn(1, FrameType.DATA);
  for (let i = 0; i < 20; i++) {
    peer.send(frame(FrameType.WINDOW_UPDATE, 0, 1, numberPayload(1)));
    peer.send(frame(FrameType.WINDOW_UPDATE, 0, 0, numberPayload(1)));
    await peer.settled();
    server.pass(defaultTimeouts.replyStallMs / 2);
    await peer.settled();
  }
  assert.deepEqual(recorder.events, ["ended"]);
});

test("a client that does not acknowledge our SETTINGS is told so", async (t) => {
  const server = await openServer(echo);
  t.after(() => server.close());
  const peer = new RawPeer(server.port);
  await peer.next((one) => one.type === FrameType.SETTINGS);
  server.pass(defaultTimeouts.settingsAckTimeoutMs);
  server.pass(1_000);
  assert.equal(await peer.goAway(), ErrorCode.SETTINGS_TIMEOUT);
});

test("HEADERS whose block is never completed end the connection", async (t) => {
  const { peer, server } = await openWithPeer(t);
  peer.send(frame(FrameType.HEADERS, 0, 1));
  const seen = server.sockets[0];
  assert.ok(seen);
  await new Promise((resolve) => seen.once("data", resolve));
  server.pass(defaultTimeouts.headerTimeoutMs + 1_000);
  assert.equal(await peer.goAway(), ErrorCode.ENHANCE_YOUR_CALM);
});

test("a client that does not answer the drain gets its second GOAWAY in time, and an idle connection closes", async (t) => {
  const { peer, server } = await openWithPeer(t);
  peer.send(headers(1, Flag.END_STREAM));
  await peer.nextOn(1, FrameType.HEADERS);
  server.connections[0]?.drain();
  const isGoAway = (one: { readonly type: number }): boolean => one.type === FrameType.GOAWAY;
  assert.equal((await peer.next(isGoAway)).payload.readUInt32BE(0), 0x7fff_ffff);
  server.pass(4_000);
  assert.equal((await peer.next(isGoAway)).payload.readUInt32BE(0), 1);
  await peer.closed();
});

test("late frames for as many streams as may be open at once, ended by us, are no offence", async (t) => {
  const exchanges: Exchange[] = [];
  const { peer } = await openWithPeer(t, { maxStreams: 200, budgets: { maxResets: 10 } }, (one) => {
    exchanges.push(one);
    one.listen(new Recorder());
  });
  for (let streamId = 1; streamId < 400; streamId += 2) peer.send(headers(streamId, 0));
  await peer.settled();
  for (const one of exchanges) one.reset();
  for (let streamId = 1; streamId < 400; streamId += 2) peer.send(frame(FrameType.DATA, 0, streamId, Buffer.from("x")));
  await peer.settled();
});

test("a silent peer is pinged and reaped, one that answers stays", async (t) => {
  const { peer, server } = await openWithPeer(t);
  const isPing = (one: { readonly type: number; readonly flags: number }): boolean =>
    one.type === FrameType.PING && one.flags === 0;
  for (let round = 0; round < 3; round += 1) {
    server.pass(defaultTimeouts.pingIntervalMs + 1_000);
    const { payload } = await peer.next(isPing);
    peer.send(frame(FrameType.PING, Flag.ACK, 0, payload));
    await peer.settled();
  }
  server.pass(defaultTimeouts.pingIntervalMs + defaultTimeouts.pingTimeoutMs + 1_000);
  await server.connections[0]?.closed;
  await peer.closed();
});

// Its streams are ended for the same silence, and a client that wakes up is to be told why.
test("a silent peer for which bytes of a stream wait is reaped replyStallMs later than one for which none wait", async (t) => {
  const { peer, server } = await openWithPeer(t, {}, (one) => {
    one.listen(new Recorder());
    one.respond(200, {});
    one.write(Buffer.alloc(100_000));
  });
  const { pingIntervalMs, pingTimeoutMs, replyStallMs } = defaultTimeouts;
  peer.send(headers(1, Flag.END_STREAM));
  await peer.settled();
  server.pass(pingIntervalMs + 1_000);
  server.pass(pingTimeoutMs + 1_000);
  assert.equal(server.sockets[0]?.destroyed, false);
  server.pass(replyStallMs);
  assert.equal(server.sockets[0]?.destroyed, true);
  await peer.closed();
});

// With intervals shorter than a sweep, and after the process was suspended, idle clients were cut off unasked.
test("a peer is always asked before it is given up, also where one sweep comes later than both intervals", async (t) => {
  const { peer, server } = await openWithPeer(t, { timeouts: { pingIntervalMs: 100, pingTimeoutMs: 100 } });
  for (let round = 0; round < 3; round += 1) {
    server.pass(2_000);
    const { payload } = await peer.next((one) => one.type === FrameType.PING && one.flags === 0);
    peer.send(frame(FrameType.PING, Flag.ACK, 0, payload));
    await peer.settled();
  }
  server.pass(3_000);
  await peer.closed();
});
