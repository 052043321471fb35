import assert from "node:assert/strict";
import { test } from "node:test";
import { GrpcMessageCounter, grpcEnvelope } from "./grpc-calls.js";
import { Http2Connection } from "./http2-connection.js";
import { flags, frameTypes, http2Frame, literalHeaders, windowUpdate } from "./http2-frames.js";

const nothing = new Uint8Array(0);

/** What a connection told of the bytes, fed in pieces of that length. */
function eventsOf(stream: Buffer, pieceBytes = stream.length): string[] {
  const events: string[] = [];
  const connection = new Http2Connection({
    settings: () => events.push("settings"),
    data: (id, bytes, start, end) => events.push(`data ${id} ${bytes.toString("latin1", start, end)}`),
    ended: (id) => events.push(`ended ${id}`),
    owed: (bytes) => events.push(`owed ${bytes.toString("hex")}`),
    granted: (id, windowBytes) => events.push(`granted ${id} ${windowBytes}`),
    failed: (reason) => events.push(`failed: ${reason}`),
  });
  for (let at = 0; at < stream.length; at += pieceBytes) {
    const piece = stream.subarray(at, at + pieceBytes);
    connection.push(piece, piece.length);
  }
  return events;
}

test("settings and pings are answered, acknowledgements are not", () => {
  const ping = Buffer.from("12345678");
  const frames = [
    http2Frame(frameTypes.settings, 0, 0, nothing),
    http2Frame(frameTypes.settings, flags.ack, 0, nothing),
    http2Frame(frameTypes.ping, 0, 0, ping),
    http2Frame(frameTypes.ping, flags.ack, 0, ping),
  ];
  assert.deepEqual(eventsOf(Buffer.concat(frames)), [
    "owed 000000040100000000",
    "settings",
    `owed 000008060100000000${ping.toString("hex")}`,
  ]);
});

test("data, ends and windows are told in order, also byte by byte", () => {
  const stream = Buffer.concat([
    http2Frame(frameTypes.headers, flags.endHeaders, 1, Buffer.from("head")),
    http2Frame(frameTypes.data, 0, 1, Buffer.from("hello")),
    windowUpdate(0, 1000),
    http2Frame(frameTypes.headers, flags.endHeaders | flags.endStream, 1, Buffer.from("tail")),
    http2Frame(frameTypes.data, flags.endStream, 3, Buffer.from("bye")),
    http2Frame(frameTypes.resetStream, 0, 5, Buffer.of(0, 0, 0, 8)),
    http2Frame(frameTypes.goAway, 0, 0, Buffer.of(0, 0, 0, 5, 0, 0, 0, 11)),
  ]);
  const expected = [
    "data 1 hello",
    "granted 0 1000",
    "ended 1",
    "data 3 bye",
    "ended 3",
    "ended 5",
    "failed: GOAWAY with code 11",
  ];
  assert.deepEqual(eventsOf(stream), expected);
  assert.deepEqual(eventsOf(stream, 1), expected);
});

test("a frame of an unknown type is passed over", () => {
  assert.deepEqual(eventsOf(http2Frame(0xfa, 0xff, 1, Buffer.from("extension"))), []);
});

test("gRPC messages are counted when they are whole, wherever they are torn", () => {
  const messages = [0, 1, 5, 300, 70_000].map((length) => grpcEnvelope(Buffer.alloc(length, 1)));
  const stream = Buffer.concat(messages);
  for (const pieceBytes of [stream.length, 16_384, 7, 1]) {
    const counter = new GrpcMessageCounter();
    let count = 0;
    for (let at = 0; at < stream.length; at += pieceBytes) {
      count += counter.push(stream, at, Math.min(at + pieceBytes, stream.length));
    }
    assert.equal(count, messages.length, `pieces of ${pieceBytes}`);
  }
  assert.equal(new GrpcMessageCounter().push(stream, 0, stream.length - 1), messages.length - 1);
});

test("lengths of headers are written as RFC 7541 §5.1 says", () => {
  const lengthOf = (characters: number) => literalHeaders([["x", "y".repeat(characters)]]).subarray(3, -characters);
  assert.deepEqual([...lengthOf(126)], [126]);
  assert.deepEqual([...lengthOf(127)], [127, 0]);
  assert.deepEqual([...lengthOf(254)], [127, 127]);
  // The example of Appendix C.1.2, with another prefix: 1337 = 127 + 1210.
  assert.deepEqual([...lengthOf(1337)], [127, 0x80 | (1210 & 0x7f), 1210 >> 7]);
});
