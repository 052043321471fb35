import assert from "node:assert/strict";
import { test } from "node:test";
import { Flag, FrameType } from "./frame.js";
import { encodeBlock } from "./hpack/encoder.js";
import { frame, headers, literalWithIndexing, postFields } from "./testing/raw-peer.js";
import { echo } from "./testing/server.js";
import { openWithPeer } from "./testing/with-peer.js";

// The table of header fields is one for all streams of a connection (RFC 7541 §2.2): later blocks refer to what a block
// adds to it, also where the request of that block is not served. A block that is skipped breaks the whole connection.

const whole = Flag.END_HEADERS | Flag.END_STREAM;
/** A request whose block adds an entry to the table, as its newest. */
const remembered = (streamId: number) =>
  frame(
    FrameType.HEADERS,
    whole,
    streamId,
    Buffer.concat([encodeBlock(0, postFields), literalWithIndexing("x-sum", "1")]),
  );
/** Trailers that are a reference to that entry. */
const referring = (streamId: number) => frame(FrameType.HEADERS, whole, streamId, Buffer.from([0x80 | 62]));

test("the block of a stream past the last one of our GOAWAY is decoded", async (t) => {
  const { server, peer } = await openWithPeer(t);
  peer.send(headers(1, 0));
  await peer.settled();
  server.connections[0]?.drain();
  const { payload } = await peer.next((one) => one.type === FrameType.PING && (one.flags & Flag.ACK) === 0);
  peer.send(frame(FrameType.PING, Flag.ACK, 0, payload));
  await peer.next((one) => one.type === FrameType.GOAWAY && one.payload.readUInt32BE(0) === 1);
  peer.send(remembered(3), referring(1));
  await peer.nextOn(1, FrameType.HEADERS);
  await peer.closed();
  assert.ok(peer.frames.every(({ streamId }) => streamId !== 3));
});

test("the block of a stream that is refused because too many are open is decoded", async (t) => {
  const { peer } = await openWithPeer(t, { maxStreams: 1 });
  peer.send(headers(1, 0), remembered(3), referring(1));
  await peer.nextOn(1, FrameType.HEADERS);
});

test("the block of a malformed request is decoded", async (t) => {
  const { peer } = await openWithPeer(t);
  const malformed = Buffer.concat([encodeBlock(0, { ":method": "GET" }), literalWithIndexing("x-sum", "1")]);
  peer.send(headers(1, 0), frame(FrameType.HEADERS, whole, 3, malformed), referring(1));
  await peer.nextOn(1, FrameType.HEADERS);
});

test("the block of trailers on a stream that we have reset is decoded", async (t) => {
  const { peer } = await openWithPeer(t, {}, (one) => {
    if (one.request.target !== "/reset") return echo(one);
    one.listen({ data: () => undefined, ended: () => undefined, drained: () => undefined, aborted: () => undefined });
    one.reset();
  });
  peer.send(headers(1, 0), headers(3, 0, { ...postFields, ":path": "/reset" }));
  await peer.resetOf(3);
  peer.send(frame(FrameType.HEADERS, whole, 3, literalWithIndexing("x-sum", "1")), referring(1));
  await peer.nextOn(1, FrameType.HEADERS);
});
