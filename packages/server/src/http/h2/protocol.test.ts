import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { ErrorCode, Flag, FrameType } from "./frame.js";
import { HpackDecoder } from "./hpack/decoder.js";
import { encodeBlock } from "./hpack/encoder.js";
import { frame, headers, numberPayload, opening, postFields, RawPeer, settingsPayload } from "./testing/raw-peer.js";
import { echo, Recorder as Listener, openServer, type Recorder } from "./testing/server.js";

const get = { ":method": "GET", ":scheme": "http", ":path": "/" } as const;

/** Fields whose order or repetition an object cannot hold. */
function block(...fields: readonly (readonly [string, string])[]): Buffer {
  return Buffer.concat(fields.map(([name, value]) => encodeBlock(0, { [name]: value })));
}

const pseudo = Object.entries(get);

for (const [what, fields] of [
  ["no :method", pseudo.slice(1)],
  ["no :path", pseudo.slice(0, 2)],
  [
    "no :scheme",
    [
      [":method", "GET"],
      [":path", "/"],
    ],
  ],
  ["a repeated :path", [...pseudo, [":path", "/b"]]],
  ["an empty :path", [...pseudo.slice(0, 2), [":path", ""]]],
  ["a :path without a slash", [...pseudo.slice(0, 2), [":path", "x"]]],
  ["a :path with a space", [...pseudo.slice(0, 2), [":path", "/a b"]]],
  ["an unknown pseudo-header", [...pseudo, [":what", "x"]]],
  ["a response pseudo-header", [...pseudo, [":status", "200"]]],
  ["a pseudo-header after a field", [...pseudo.slice(0, 2), ["a", "b"], [":path", "/"]]],
  ["an upper-case name", [...pseudo, ["Accept", "x"]]],
  ["a name with a space", [...pseudo, ["a b", "x"]]],
  ["an empty name", [...pseudo, ["", "x"]]],
  ["connection", [...pseudo, ["connection", "close"]]],
  ["transfer-encoding", [...pseudo, ["transfer-encoding", "chunked"]]],
  ["upgrade", [...pseudo, ["upgrade", "websocket"]]],
  ["te other than trailers", [...pseudo, ["te", "gzip"]]],
  ["a content-length that is no number", [...pseudo, ["content-length", "1x"]]],
  ["two content-lengths", [...pseudo, ["content-length", "1"], ["content-length", "2"]]],
  ["a content-length on a request without a body", [...pseudo, ["content-length", "1"]]],
  ["a host that contradicts :authority", [...pseudo, [":authority", "a"], ["host", "b"]]],
  ["two hosts", [...pseudo, ["host", "a"], ["host", "a"]]],
  ["two hosts of which one is :authority", [...pseudo, [":authority", "a"], ["host", "a"], ["host", "a"]]],
  ["a user in :authority", [...pseudo, [":authority", "a@b"]]],
  ["a path in host", [...pseudo, ["host", "a/b"]]],
] as readonly (readonly [string, readonly (readonly [string, string])[]])[]) {
  test(`a request with ${what} is malformed, and the connection goes on`, async (t) => {
    const server = await openServer(echo);
    const peer = await RawPeer.open(server.port);
    t.after(async () => {
      await peer.close();
      await server.close();
    });
    const flags = Flag.END_STREAM | Flag.END_HEADERS;
    peer.send(frame(FrameType.HEADERS, flags, 1, block(...fields)));
    assert.equal(await peer.resetOf(1), ErrorCode.PROTOCOL_ERROR);
    peer.send(headers(3, Flag.END_STREAM, get));
    await peer.nextOn(3, FrameType.HEADERS);
  });
}

/** The status of a reply that is HEADERS alone. */
async function statusOf(peer: RawPeer, streamId: number): Promise<string | undefined> {
  const { payload } = await peer.nextOn(streamId, FrameType.HEADERS);
  return new HpackDecoder(1000).decode(payload, 0, payload.length)[0]?.value;
}

test("CONNECT is answered with 501 and an expectation other than 100-continue with 417", async (t) => {
  const server = await openServer(echo);
  const peer = await RawPeer.open(server.port);
  t.after(async () => {
    await peer.close();
    await server.close();
  });
  peer.send(headers(1, Flag.END_STREAM, { ":method": "CONNECT", ":authority": "a:1" }));
  assert.equal(await statusOf(peer, 1), "501");
  peer.send(headers(3, 0, { ...get, expect: "a miracle" }));
  assert.equal(await statusOf(peer, 3), "417");
  assert.equal(await peer.resetOf(3), ErrorCode.NO_ERROR);
});

test("a request of known length that is answered early may end, if the window lets it; a longer one is reset", async (t) => {
  const server = await openServer((one) => {
    one.listen(new Listener());
    one.respond(403, {});
    one.end();
  });
  const peer = await RawPeer.open(server.port);
  t.after(async () => {
    await peer.close();
    await server.close();
  });
  const post = { ...get, ":method": "POST" };
  peer.send(
    headers(1, 0, { ...post, "content-length": "20000" }),
    headers(3, 0, { ...post, "content-length": "9000000" }),
  );
  assert.equal(await peer.resetOf(3), ErrorCode.NO_ERROR);
  peer.send(
    frame(FrameType.DATA, 0, 1, Buffer.alloc(10_000)),
    frame(FrameType.DATA, Flag.END_STREAM, 1, Buffer.alloc(10_000)),
  );
  peer.send(headers(5, Flag.END_STREAM, get));
  const first = await peer.next(({ type, streamId }) => streamId === 5 || type === FrameType.RST_STREAM);
  assert.equal(first.streamId, 5);
});

test("cookies split by the client are joined by semicolons, other fields by commas", async (t) => {
  let seen: unknown;
  const server = await openServer((one) => {
    seen = one.request.headers;
    echo(one);
  });
  const peer = await RawPeer.open(server.port);
  t.after(async () => {
    await peer.close();
    await server.close();
  });
  const fields = block(...pseudo, ["cookie", "a=1"], ["x", "1"], ["cookie", "b=2"], ["x", "2"], ["__proto__", "p"]);
  peer.send(frame(FrameType.HEADERS, Flag.END_STREAM | Flag.END_HEADERS, 1, fields));
  await peer.nextOn(1, FrameType.HEADERS);
  assert.deepEqual(Object.entries(seen ?? {}), [
    ["cookie", "a=1; b=2"],
    ["x", "1, 2"],
    ["__proto__", "p"],
  ]);
});

for (const [what, length, body] of [
  ["longer", "3", "four"],
  ["shorter", "5", "four"],
] as const) {
  test(`a body ${what} than its content-length resets the stream and aborts the exchange`, async (t) => {
    const recorder: Recorder = new Listener();
    const server = await openServer((one) => one.listen(recorder));
    const peer = await RawPeer.open(server.port);
    t.after(async () => {
      await peer.close();
      await server.close();
    });
    peer.send(headers(1, 0, { ...postFields, "content-length": length }));
    peer.send(frame(FrameType.DATA, Flag.END_STREAM, 1, Buffer.from(body)));
    assert.equal(await peer.resetOf(1), ErrorCode.PROTOCOL_ERROR);
    await recorder.saw("aborted");
    assert.equal(recorder.events.includes("ended"), false);
  });
}

for (const [what, bytes, code] of [
  ["DATA on stream 0", frame(FrameType.DATA, 0, 0), ErrorCode.PROTOCOL_ERROR],
  ["DATA on an idle stream", frame(FrameType.DATA, 0, 1), ErrorCode.PROTOCOL_ERROR],
  ["HEADERS on an even stream", headers(2, Flag.END_STREAM), ErrorCode.PROTOCOL_ERROR],
  ["a stream id that goes back", Buffer.concat([headers(5, 0), headers(3, 0)]), ErrorCode.PROTOCOL_ERROR],
  ["CONTINUATION by itself", frame(FrameType.CONTINUATION, 0, 1), ErrorCode.PROTOCOL_ERROR],
  [
    "CONTINUATION of another stream",
    Buffer.concat([
      frame(FrameType.HEADERS, Flag.END_STREAM, 1, encodeBlock(0, postFields).subarray(0, 3)),
      frame(FrameType.CONTINUATION, Flag.END_HEADERS, 3, encodeBlock(0, postFields).subarray(3)),
    ]),
    ErrorCode.PROTOCOL_ERROR,
  ],
  [
    "a frame within a header block",
    Buffer.concat([frame(FrameType.HEADERS, 0, 1), frame(FrameType.PING, 0, 0, Buffer.alloc(8))]),
    ErrorCode.PROTOCOL_ERROR,
  ],
  ["PUSH_PROMISE", frame(FrameType.PUSH_PROMISE, 0, 1, Buffer.alloc(4)), ErrorCode.PROTOCOL_ERROR],
  ["PING of 7 bytes", frame(FrameType.PING, 0, 0, Buffer.alloc(7)), ErrorCode.FRAME_SIZE_ERROR],
  ["SETTINGS of 5 bytes", frame(FrameType.SETTINGS, 0, 0, Buffer.alloc(5)), ErrorCode.FRAME_SIZE_ERROR],
  ["SETTINGS on a stream", frame(FrameType.SETTINGS, 0, 1), ErrorCode.PROTOCOL_ERROR],
  ["a frame of 16385 bytes", frame(FrameType.DATA, 0, 1, Buffer.alloc(16_385)), ErrorCode.FRAME_SIZE_ERROR],
  [
    "a broken header block",
    frame(FrameType.HEADERS, Flag.END_HEADERS, 1, Buffer.from([0xff])),
    ErrorCode.COMPRESSION_ERROR,
  ],
  ["more padding than frame", frame(FrameType.DATA, Flag.PADDED, 1, Buffer.from([5, 0])), ErrorCode.PROTOCOL_ERROR],
  ["an increment of 0", frame(FrameType.WINDOW_UPDATE, 0, 0, numberPayload(0)), ErrorCode.PROTOCOL_ERROR],
  [
    "a window above 2^31-1",
    frame(FrameType.WINDOW_UPDATE, 0, 0, numberPayload(0x7fff_ffff)),
    ErrorCode.FLOW_CONTROL_ERROR,
  ],
  [
    "INITIAL_WINDOW_SIZE above 2^31-1",
    frame(FrameType.SETTINGS, 0, 0, settingsPayload([4, 0x8000_0000])),
    ErrorCode.FLOW_CONTROL_ERROR,
  ],
  ["MAX_FRAME_SIZE of 16383", frame(FrameType.SETTINGS, 0, 0, settingsPayload([5, 16_383])), ErrorCode.PROTOCOL_ERROR],
] as const) {
  test(`${what} ends the connection with GOAWAY ${code}, whether it comes whole or byte by byte`, async (t) => {
    const server = await openServer(echo);
    t.after(() => server.close());
    const whole = await RawPeer.open(server.port);
    whole.send(bytes);
    assert.equal(await whole.goAway(), code);
    const slow = await RawPeer.open(server.port);
    slow.socket.setNoDelay(true);
    // What has been judged already need not be sent.
    for (const byte of bytes.subarray(0, 200)) slow.send(Uint8Array.of(byte));
    assert.equal(await slow.goAway(), code);
  });
}

test("what is not HTTP/2's preface is refused", async (t) => {
  const server = await openServer(echo);
  const peer = new RawPeer(server.port);
  t.after(() => server.close());
  peer.send(Buffer.from("GET / HTTP/1.1\r\n\r\n"));
  assert.equal(await peer.goAway(), ErrorCode.PROTOCOL_ERROR);
});

test("requests fed one byte at a time are answered", async (t) => {
  const server = await openServer(echo);
  const peer = new RawPeer(server.port);
  t.after(async () => {
    await peer.close();
    await server.close();
  });
  peer.socket.setNoDelay(true);
  const request = Buffer.concat([
    headers(1, 0),
    frame(FrameType.DATA, Flag.END_STREAM, 1, Buffer.from("body")),
    frame(FrameType.HEADERS, Flag.END_STREAM, 3, encodeBlock(0, postFields).subarray(0, 3)),
    frame(FrameType.CONTINUATION, Flag.END_HEADERS, 3, encodeBlock(0, postFields).subarray(3)),
  ]);
  for (const byte of Buffer.concat([opening, request])) {
    if (!peer.socket.write(Uint8Array.of(byte))) await once(peer.socket, "drain");
  }
  assert.equal((await peer.nextOn(1, FrameType.DATA)).payload.toString(), "body");
  await peer.nextOn(3, FrameType.HEADERS);
});

test("a peer that allows no header table is told once that ours is empty", async (t) => {
  const server = await openServer(echo);
  const peer = await RawPeer.open(server.port, settingsPayload([1, 0]));
  t.after(async () => {
    await peer.close();
    await server.close();
  });
  peer.send(headers(1, Flag.END_STREAM), headers(3, Flag.END_STREAM));
  assert.equal((await peer.nextOn(1, FrameType.HEADERS)).payload[0], 0x20);
  assert.notEqual((await peer.nextOn(3, FrameType.HEADERS)).payload[0], 0x20);
});

test("a unary reply leaves as HEADERS, DATA and HEADERS in one segment, one without a body as a single frame", async (t) => {
  const server = await openServer((one) => {
    one.listen(new Listener());
    one.respond(200, {});
    if (one.request.method === "POST") one.write(Buffer.from("body"));
    one.end(one.request.method === "POST" ? { "grpc-status": "0" } : undefined);
  });
  const peer = await RawPeer.open(server.port);
  t.after(async () => {
    await peer.close();
    await server.close();
  });
  let segments = 0;
  peer.socket.on("data", () => {
    segments += 1;
  });
  peer.send(headers(1, Flag.END_STREAM));
  await peer.nextOn(1, FrameType.DATA);
  assert.equal((await peer.nextOn(1, FrameType.HEADERS)).flags, Flag.END_STREAM | Flag.END_HEADERS);
  assert.equal(segments, 1);
  peer.send(headers(3, Flag.END_STREAM, get));
  assert.equal((await peer.nextOn(3, FrameType.HEADERS)).flags, Flag.END_STREAM | Flag.END_HEADERS);
});
