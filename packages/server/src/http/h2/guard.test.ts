import assert from "node:assert/strict";
import { test } from "node:test";
import type { Exchange } from "../exchange.js";
import { ErrorCode, Flag, FrameType } from "./frame.js";
import { encodeBlock } from "./hpack/encoder.js";
import { frame, headers, literalWithIndexing, numberPayload, postFields } from "./testing/raw-peer.js";
import { Recorder } from "./testing/server.js";
import { answerHead, openWithPeer } from "./testing/with-peer.js";

// What costs the server more than the client is counted for each connection.

const reset = (streamId: number): Buffer => frame(FrameType.RST_STREAM, 0, streamId, numberPayload(ErrorCode.CANCEL));
const ping = frame(FrameType.PING, 0, 0, Buffer.alloc(8));

test("maxResets streams may be cancelled, one more ends the connection, and the budget refills with time", async (t) => {
  const { peer, server } = await openWithPeer(t, { budgets: { maxResets: 10 } }, (one) => one.listen(new Recorder()));
  let streamId = 1;
  const cancel = (count: number): void => {
    for (let n = 0; n < count; n += 1, streamId += 2) peer.send(headers(streamId, 0), reset(streamId));
  };
  cancel(10);
  await peer.settled();
  // A third of the window gives back a third of the budget.
  peer.send(frame(FrameType.SETTINGS, Flag.ACK, 0));
  server.pass(11_000);
  cancel(3);
  await peer.settled();
  cancel(2);
  assert.equal(await peer.goAway(), ErrorCode.ENHANCE_YOUR_CALM);
});

test("streams that were answered before they were cancelled are not counted", async (t) => {
  const { peer } = await openWithPeer(t, { budgets: { maxResets: 10 } }, (one) => {
    one.listen(new Recorder());
    one.respond(200, {});
  });
  for (let streamId = 1; streamId < 201; streamId += 2) {
    peer.send(headers(streamId, 0));
    await peer.nextOn(streamId, FrameType.HEADERS);
    peer.send(reset(streamId));
  }
  await peer.settled();
});

test("each request that is served to its end gives one reset back", async (t) => {
  const { peer } = await openWithPeer(t, { budgets: { maxResets: 10 } }, (one) => {
    if (one.request.target === "/served") answerHead(one);
    else one.listen(new Recorder());
  });
  for (let streamId = 1; streamId < 201; streamId += 4) {
    peer.send(headers(streamId, Flag.END_STREAM, { ...postFields, ":path": "/served" }));
    await peer.nextOn(streamId, FrameType.HEADERS);
    peer.send(headers(streamId + 2, 0), reset(streamId + 2));
  }
  await peer.settled();
});

test("past maxResets the requests that were answered go on, new ones are not taken, and the connection then ends", async (t) => {
  // One user of a gateway cancelled, and all the others' streams ended.
  const answered: Exchange[] = [];
  const { peer, server, abuses } = await openWithPeer(t, { budgets: { maxResets: 10 } }, (one) => {
    one.listen(new Recorder());
    if (one.request.target !== "/answered") return;
    one.respond(200, {});
    answered.push(one);
  });
  peer.send(headers(1, 0, { ...postFields, ":path": "/answered" }));
  await peer.nextOn(1, FrameType.HEADERS);
  for (let streamId = 3; streamId < 25; streamId += 2) peer.send(headers(streamId, 0), reset(streamId));
  const { payload } = await peer.next((one) => one.type === FrameType.GOAWAY);
  assert.deepEqual([payload.readUInt32BE(0), payload.readUInt32BE(4)], [23, ErrorCode.NO_ERROR]);
  peer.send(headers(25, Flag.END_STREAM, { ...postFields, ":path": "/answered" }));
  await peer.settled();
  assert.equal(answered.length, 1);
  answered[0]?.write(Buffer.from("more"));
  await peer.nextOn(1, FrameType.DATA);
  answered[0]?.end();
  peer.send(frame(FrameType.DATA, Flag.END_STREAM, 1));
  await peer.closed();
  assert.equal(server.connections[0]?.openStreams, 0);
  assert.deepEqual(abuses, ["more than 10 requests reset or refused within 30000 ms (maxResets)"]);
});

test("a client that goes on past its budget is ended, whatever else its connection carries", async (t) => {
  const { peer } = await openWithPeer(t, { budgets: { maxResets: 10, maxControlFrames: 100 } }, (one) => {
    one.listen(new Recorder());
    if (one.request.target === "/answered") one.respond(200, {});
  });
  peer.send(headers(1, 0, { ...postFields, ":path": "/answered" }));
  await peer.nextOn(1, FrameType.HEADERS);
  for (let streamId = 3; streamId < 1003; streamId += 2) peer.send(headers(streamId, 0), reset(streamId));
  await peer.next((one) => one.type === FrameType.GOAWAY && one.payload.readUInt32BE(4) === ErrorCode.NO_ERROR);
  assert.equal(await peer.goAway(), ErrorCode.ENHANCE_YOUR_CALM);
});

test("heads that are too large are counted by their size", async (t) => {
  const { peer } = await openWithPeer(t, { maxHeaderBytes: 10_000, budgets: { maxResets: 20 } }, answerHead);
  // An entry of the table that fills the limit three times, and references to it: 1 + 2 for each block.
  const entry = Buffer.concat([encodeBlock(0, postFields), literalWithIndexing("a", "~".repeat(4_000))]);
  const bomb = Buffer.concat([encodeBlock(0, postFields), Buffer.alloc(9_000, 0x80 | 62)]);
  peer.send(frame(FrameType.HEADERS, Flag.END_HEADERS | Flag.END_STREAM, 1, entry));
  for (let streamId = 3; streamId < 15; streamId += 2) {
    peer.send(frame(FrameType.HEADERS, Flag.END_HEADERS | Flag.END_STREAM, streamId, bomb));
    await peer.nextOn(streamId, FrameType.HEADERS);
  }
  peer.send(frame(FrameType.HEADERS, Flag.END_HEADERS | Flag.END_STREAM, 15, bomb));
  assert.equal(await peer.goAway(), ErrorCode.ENHANCE_YOUR_CALM);
});

test("a flood of empty CONTINUATION ends the connection, though each block has few", async (t) => {
  const { peer } = await openWithPeer(t, { budgets: { maxControlFrames: 100 } }, (one) => one.listen(new Recorder()));
  const block = encodeBlock(0, postFields);
  for (let streamId = 1; streamId < 41; streamId += 2) {
    peer.send(
      frame(FrameType.HEADERS, Flag.END_STREAM, streamId, block),
      ...Array.from({ length: 10 }, () => frame(FrameType.CONTINUATION, 0, streamId)),
      frame(FrameType.CONTINUATION, Flag.END_HEADERS, streamId),
    );
  }
  assert.equal(await peer.goAway(), ErrorCode.ENHANCE_YOUR_CALM);
});

test("a reader may send a window update and a ping for each frame that it gets, and what it does not use expires", async (t) => {
  let exchange: Exchange | undefined;
  const { peer, server } = await openWithPeer(t, { budgets: { maxControlFrames: 100 } }, (one) => {
    exchange = one;
    one.listen(new Recorder());
    one.respond(200, {});
  });
  peer.send(headers(1, 0));
  await peer.nextOn(1, FrameType.HEADERS);
  for (let count = 0; count < 200; count += 1) {
    exchange?.write(Buffer.from("x"));
    await peer.nextOn(1, FrameType.DATA);
    peer.send(
      frame(FrameType.WINDOW_UPDATE, 0, 0, numberPayload(1)),
      frame(FrameType.WINDOW_UPDATE, 0, 1, numberPayload(1)),
    );
    await peer.settled();
  }
  // The credit of 200 frames would be good for 2,000.
  server.pass(1_000);
  peer.send(...Array.from({ length: 300 }, () => ping));
  assert.equal(await peer.goAway(), ErrorCode.ENHANCE_YOUR_CALM);
});

test("resets that the client provokes count like its own (made you reset)", async (t) => {
  const { peer } = await openWithPeer(t, { budgets: { maxResets: 10 } }, (one) => one.listen(new Recorder()));
  for (let streamId = 1; streamId <= 21; streamId += 2) {
    peer.send(headers(streamId, 0), frame(FrameType.WINDOW_UPDATE, 0, streamId, numberPayload(0)));
  }
  assert.equal(await peer.goAway(), ErrorCode.ENHANCE_YOUR_CALM);
});

for (const [what, one] of [
  ["SETTINGS", frame(FrameType.SETTINGS, 0, 0)],
  ["PING", ping],
  ["acknowledgements of PING", frame(FrameType.PING, Flag.ACK, 0, Buffer.alloc(8))],
  ["acknowledgements of SETTINGS", frame(FrameType.SETTINGS, Flag.ACK, 0)],
  ["WINDOW_UPDATE for the connection", frame(FrameType.WINDOW_UPDATE, 0, 0, numberPayload(1))],
  ["WINDOW_UPDATE for a stream", frame(FrameType.WINDOW_UPDATE, 0, 1, numberPayload(1))],
  ["PRIORITY", frame(FrameType.PRIORITY, 0, 7, Buffer.alloc(5))],
  ["empty DATA", frame(FrameType.DATA, 0, 1)],
  ["padding without DATA", frame(FrameType.DATA, Flag.PADDED, 1, Buffer.from([0]))],
  ["frames of an unknown type", frame(0x77, 0, 0)],
] as const) {
  test(`a flood of ${what} ends the connection`, async (t) => {
    const maxControlFrames = 1_000;
    const { peer } = await openWithPeer(t, { budgets: { maxControlFrames } }, (exchange) =>
      exchange.listen(new Recorder()),
    );
    peer.send(headers(1, 0));
    for (let sent = 0; sent <= maxControlFrames; sent += 100) {
      peer.send(...Array.from({ length: 100 }, () => one));
      // In steps, so that their number is what is bounded, and not the unread answers. Each step also has one PING.
      if (sent < maxControlFrames - 200) await peer.settled();
    }
    assert.equal(await peer.goAway(), ErrorCode.ENHANCE_YOUR_CALM);
  });
}
