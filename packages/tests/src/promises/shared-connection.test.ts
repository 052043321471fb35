import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, constants } from "node:http2";
import { after, before, describe, it } from "node:test";
import { type ServerProcess, startServerProcess } from "../fixture/server-process.js";
import { overSession } from "./byte-stream.js";
import { grpcOver } from "./raw-subscriptions.js";
import { Speaker } from "./speaker.js";

/** More than what all stalled streams together may hold of the connection's window: a stream's own window is 64 KiB. */
const connectionWindowBytes = 8 * 1_048_576;

const readersOfEach = 10;

/** Far more than a stream's window and the server's queue take, in messages and in bytes of each. */
const missed = 200;
const textBytes = 10_000;

describe("readers on streams of one HTTP/2 connection, as a gateway has them", () => {
  let server: ServerProcess;
  before(async () => {
    server = await startServerProcess({ flags: { durability: "os", limits: { maxQueuedBytes: 16_384 } } });
  });
  after(() => server.stop());

  it("do not wait for those among them that stop reading, which get everything when they read again", async () => {
    const session = connect(server.url);
    await once(session, "connect");
    session.setLocalWindowSize(connectionWindowBytes);
    const { read } = grpcOver(overSession(session));
    const speaker = new Speaker(server.url, "gateway");
    const epoch = await speaker.say();
    const readers = Array.from({ length: 2 * readersOfEach }, () =>
      read({ url: server.url, room: speaker.room, after: { epoch, offset: 0 } }),
    );
    for (const reading of readers) await reading.untilOffset(1);
    const [stalled, others] = [readers.slice(0, readersOfEach), readers.slice(readersOfEach)];
    for (const reading of stalled) reading.pause();

    for (let i = 0; i < missed; i += 10) {
      await Promise.all(Array.from({ length: 10 }, () => speaker.say("x".repeat(textBytes))));
    }
    const all = Array.from({ length: missed + 1 }, (_, index) => index + 1);
    for (const reading of others) {
      await reading.untilOffset(missed + 1);
      assert.deepEqual(reading.offsets, all);
    }
    for (const reading of stalled) {
      assert.ok(reading.offsets.length < all.length);
      reading.resume();
      await reading.untilOffset(missed + 1);
      assert.deepEqual(reading.offsets, all);
    }
    // A stream that its reader cancels takes nobody along.
    const [first, ...rest] = readers;
    first?.close();
    await speaker.say();
    for (const reading of rest) {
      await reading.untilOffset(missed + 2);
      assert.deepEqual([reading.offsets.at(-1), reading.endedWith], [missed + 2, undefined]);
      reading.close();
    }
    session.destroy();
  });

  // At a thousand within 30 s the connection was ended, and with it all the others' streams.
  it("stay when thousands of streams beside them are cancelled, before or after their answer", async () => {
    const session = connect(server.url);
    await once(session, "connect");
    const { read } = grpcOver(overSession(session));
    const speaker = new Speaker(server.url, "cancelled");
    const epoch = await speaker.say();
    const readers = Array.from({ length: 200 }, () =>
      read({ url: server.url, room: speaker.room, after: { epoch, offset: 0 } }),
    );
    for (const reading of readers) await reading.untilOffset(1);
    const openAndCancel = async (isAnswered: boolean) => {
      const stream = session.request({ ":path": "/v1/rooms/cancelled-other/stream" });
      stream.on("error", () => undefined);
      const closed = once(stream, "close");
      if (isAnswered) await once(stream, "response");
      stream.close(constants.NGHTTP2_CANCEL);
      await closed;
    };
    for (let round = 0; round < 13; round++) {
      await Promise.all(Array.from({ length: 200 }, (_, at) => openAndCancel(at % 2 === 0)));
    }
    assert.equal(session.closed, false);
    await speaker.say();
    for (const reading of readers) {
      await reading.untilOffset(2);
      assert.equal(reading.endedWith, undefined);
      reading.close();
    }
    session.destroy();
  });
});
