import assert from "node:assert/strict";
import { once } from "node:events";
import http2 from "node:http2";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { type TestContext, test } from "node:test";
import { create, toBinary } from "@bufbuild/protobuf";
import { base64Encode } from "@bufbuild/protobuf/wire";
import { ConfabError, enveloped, errorDetails } from "@confab/contract";
import { StatusSchema } from "@confab/contract/gen/google/rpc/status_pb";
import { bounded, type CallBounds } from "../call-signal.js";
import { isNetworkFailure } from "../network-failure.js";
import { GrpcCaller } from "./grpc.js";

type Answer = (stream: http2.ServerHttp2Stream, headers: http2.IncomingHttpHeaders) => void;

/** A peer that answers every stream as the test says, and a caller of it. */
async function peer(t: TestContext, answer: Answer): Promise<GrpcCaller> {
  const server = http2.createServer();
  const sessions = new Set<http2.ServerHttp2Session>();
  server.on("session", (session) => sessions.add(session));
  server.on("stream", (stream, headers) => {
    stream.on("error", () => undefined);
    answer(stream, headers);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const caller = new GrpcCaller({ baseUrl, pingTimeoutMs: 100 });
  t.after(() => {
    caller.close();
    for (const session of sessions) session.destroy();
    server.close();
  });
  return caller;
}

const request = new Uint8Array([1, 2, 3]);
const head = { ":status": 200, "content-type": "application/grpc+proto" };

function withTrailers(stream: http2.ServerHttp2Stream, trailers: http2.OutgoingHttpHeaders): void {
  stream.on("wantTrailers", () => stream.sendTrailers(trailers));
  stream.respond(head, { waitForTrailers: true });
}

function codeOf(code: string, mustBeNetwork = false) {
  return (error: unknown) =>
    error instanceof ConfabError && error.code === code && isNetworkFailure(error) === mustBeNetwork;
}

test("a unary call sends one envelope and its deadline, and gives the one message of the answer", async (t) => {
  let seen: http2.IncomingHttpHeaders = {};
  let body = Buffer.alloc(0);
  const caller = await peer(t, (stream, headers) => {
    seen = headers;
    stream.on("data", (chunk: Buffer) => {
      body = Buffer.concat([body, chunk]);
    });
    withTrailers(stream, { "grpc-status": "0" });
    stream.on("end", () => stream.end(enveloped(0, new Uint8Array([9]))));
  });
  assert.deepEqual(
    await bounded({ timeoutMs: 7_000 }, (bounds) => caller.unary("SendMessage", request, bounds)),
    Buffer.from([9]),
  );
  assert.equal(seen[":path"], "/confab.v1.ChatService/SendMessage");
  assert.equal(seen["grpc-timeout"], "7000m");
  assert.equal(seen.te, "trailers");
  assert.deepEqual([...body], [0, 0, 0, 0, 3, 1, 2, 3]);
});

test("messages are the same when they come one byte at a time", async (t) => {
  const caller = await peer(t, (stream) => {
    withTrailers(stream, { "grpc-status": "0" });
    const bytes = Buffer.concat([
      enveloped(0, new Uint8Array([1, 2])),
      enveloped(0, new Uint8Array(0)),
      enveloped(0, new Uint8Array([3])),
    ]);
    for (const byte of bytes) stream.write(Buffer.from([byte]));
    stream.end();
  });
  const { messages } = await caller.serverStream("StreamMessages", request, new AbortController().signal);
  const got: number[][] = [];
  for await (const message of messages) got.push([...message]);
  assert.deepEqual(got, [[1, 2], [], [3]]);
});

test("an error in the trailers is the error of the catalogue that its details name", async (t) => {
  const error = new ConfabError("OUT_OF_RANGE", "trimmed: 50 %", {
    range: { room: "a", epoch: 5, oldest: 3, newest: 9 },
  });
  const details = toBinary(
    StatusSchema,
    create(StatusSchema, { code: 11, message: error.message, details: errorDetails(error) }),
  );
  const caller = await peer(t, (stream) => {
    withTrailers(stream, {
      "grpc-status": "11",
      "grpc-message": "trimmed: 50 %25",
      "grpc-status-details-bin": base64Encode(details, "std_raw"),
    });
    stream.end();
  });
  await assert.rejects(
    bounded(undefined, (bounds) => caller.unary("GetHistory", request, bounds)),
    (thrown) => {
      assert.ok(thrown instanceof ConfabError);
      assert.equal(thrown.code, "OUT_OF_RANGE");
      assert.equal(thrown.message, "trimmed: 50 %");
      assert.deepEqual(thrown.facts.range, { room: "a", epoch: 5, oldest: 3, newest: 9 });
      return true;
    },
  );
});

test("an answer of only trailers is an error at once", async (t) => {
  const caller = await peer(t, (stream) => stream.respond({ ...head, "grpc-status": "12" }, { endStream: true }));
  await assert.rejects(
    caller.serverStream("StreamMessages", request, new AbortController().signal),
    codeOf("UNKNOWN_METHOD"),
  );
});

test("a stream that ends without trailers was cut off, and is no success", async (t) => {
  const caller = await peer(t, (stream) => {
    stream.respond(head);
    stream.end(enveloped(0, new Uint8Array([1])));
  });
  await assert.rejects(
    bounded(undefined, (bounds) => caller.unary("SendMessage", request, bounds)),
    codeOf("ENGINE_UNAVAILABLE", true),
  );
});

test("an HTTP answer that is not gRPC is an error by its status", async (t) => {
  const caller = await peer(t, (stream) => stream.respond({ ":status": 503 }, { endStream: true }));
  await assert.rejects(
    bounded(undefined, (bounds) => caller.unary("SendMessage", request, bounds)),
    codeOf("ENGINE_UNAVAILABLE"),
  );
});

test("a port where nobody listens is a network failure", async (t) => {
  const server = http2.createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  const caller = new GrpcCaller({ baseUrl: `http://127.0.0.1:${port}` });
  t.after(() => caller.close());
  await assert.rejects(
    bounded(undefined, (bounds) => caller.unary("SendMessage", request, bounds)),
    codeOf("ENGINE_UNAVAILABLE", true),
  );
});

/** Bounds of a call whose time is over when the test says so. */
function timeOver(): { readonly bounds: CallBounds; end(): void } {
  const time = new AbortController();
  const reason = () => new ConfabError("DEADLINE_EXCEEDED", "its time is over");
  return { bounds: { signal: time.signal, timeoutMs: 7_000, reason }, end: () => time.abort() };
}

test("a call whose time is over is DEADLINE_EXCEEDED, and the peer's stream is reset", async (t) => {
  let reset: Promise<unknown> = Promise.resolve();
  const { bounds, end } = timeOver();
  const caller = await peer(t, (stream) => {
    reset = once(stream, "close").then(() => stream.rstCode);
    end();
  });
  await assert.rejects(caller.unary("SendMessage", request, bounds), codeOf("DEADLINE_EXCEEDED"));
  assert.equal(await reset, http2.constants.NGHTTP2_CANCEL);
});

test("a call that its caller gives up is CANCELLED", async (t) => {
  const controller = new AbortController();
  const caller = await peer(t, () => controller.abort());
  await assert.rejects(
    bounded({ signal: controller.signal }, (bounds) => caller.unary("SendMessage", request, bounds)),
    codeOf("CANCELLED"),
  );
});

test("after its connection died, the next call makes a new one", async (t) => {
  let calls = 0;
  const caller = await peer(t, (stream) => {
    calls++;
    if (calls === 1) {
      stream.session?.destroy();
      return;
    }
    withTrailers(stream, { "grpc-status": "0" });
    stream.end(enveloped(0, new Uint8Array([4])));
  });
  await assert.rejects(
    bounded(undefined, (bounds) => caller.unary("ListRooms", request, bounds)),
    codeOf("ENGINE_UNAVAILABLE", true),
  );
  assert.deepEqual([...(await bounded(undefined, (bounds) => caller.unary("ListRooms", request, bounds)))], [4]);
});

/** A door to a port whose first connection is a hole that swallows everything. */
async function halfOpenDoor(t: TestContext, port: number): Promise<{ readonly url: string; connections(): number }> {
  const sockets = new Set<Socket>();
  let connections = 0;
  const door = createServer((client) => {
    sockets.add(client.on("error", () => undefined));
    connections++;
    if (connections === 1) return void client.resume();
    const inner = connect(port, "127.0.0.1");
    sockets.add(inner.on("error", () => undefined));
    client.pipe(inner).pipe(client);
  });
  door.listen(0, "127.0.0.1");
  await once(door, "listening");
  t.after(() => {
    door.close();
    for (const socket of sockets) socket.destroy();
  });
  return { url: `http://127.0.0.1:${(door.address() as AddressInfo).port}`, connections: () => connections };
}

// What users saw: every call waited for its whole time, for as long as TCP kept trying.
test("a connection that answered neither a call nor a ping is given up, and the next call makes another", async (t) => {
  const server = http2.createServer();
  server.on("stream", (stream) => {
    withTrailers(stream, { "grpc-status": "0" });
    stream.end(enveloped(0, new Uint8Array([5])));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const door = await halfOpenDoor(t, (server.address() as AddressInfo).port);
  const caller = new GrpcCaller({ baseUrl: door.url, pingTimeoutMs: 100 });
  t.after(() => {
    caller.close();
    server.close();
  });
  await assert.rejects(
    bounded({ timeoutMs: 50 }, (bounds) => caller.unary("ListRooms", request, bounds)),
    codeOf("DEADLINE_EXCEEDED"),
  );
  await assert.rejects(
    bounded(undefined, (bounds) => caller.unary("ListRooms", request, bounds)),
    codeOf("ENGINE_UNAVAILABLE", true),
  );
  assert.equal(door.connections(), 1);
  assert.deepEqual([...(await bounded(undefined, (bounds) => caller.unary("ListRooms", request, bounds)))], [5]);
  assert.equal(door.connections(), 2);
});

test("a slow call on a connection that answers pings leaves it to the others", async (t) => {
  let sessions = 0;
  const { bounds, end } = timeOver();
  const caller = await peer(t, (stream, headers) => {
    stream.session?.once("ping", () => sessions++);
    if (headers[":path"]?.endsWith("SendMessage")) return end();
    withTrailers(stream, { "grpc-status": "0" });
    stream.end(enveloped(0, new Uint8Array([6])));
  });
  await assert.rejects(caller.unary("SendMessage", request, bounds), codeOf("DEADLINE_EXCEEDED"));
  while (sessions === 0) await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual([...(await bounded(undefined, (bounds) => caller.unary("ListRooms", request, bounds)))], [6]);
  assert.equal(sessions, 1);
});

// What users saw: the process died with "corrupted size vs. prev_size", seconds later and somewhere else. Events, and the
// promises behind them, run within nghttp2's reading; to destroy the session there makes it send, and free what it reads.
test("a link that is closed while a message is handled ends its connection in a turn of its own", async (t) => {
  const sessions: http2.ClientHttp2Session[] = [];
  const { connect: connectReally } = http2;
  t.mock.method(http2, "connect", (...args: Parameters<typeof http2.connect>) => {
    const session = connectReally(...args);
    sessions.push(session);
    return session;
  });
  const caller = await peer(t, (stream) => {
    stream.respond(head);
    stream.write(enveloped(0, new Uint8Array([1])));
  });
  const { messages } = await caller.serverStream("StreamMessages", request, new AbortController().signal);
  const next = new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
  for await (const message of messages) {
    assert.deepEqual([...message], [1]);
    caller.close();
    break;
  }
  assert.deepEqual([sessions.length, sessions[0]?.destroyed], [1, false]);
  await next;
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(sessions[0]?.destroyed, true);
});

test("closing ends also a connection that the server wants to end, though a call on it goes on", async (t) => {
  let ended: Promise<unknown> = Promise.resolve();
  const caller = await peer(t, (stream) => {
    ended = once(stream, "close");
    stream.respond(head);
    stream.session?.goaway();
  });
  await caller.serverStream("StreamMessages", request, new AbortController().signal);
  await new Promise((resolve) => setImmediate(resolve));
  caller.close();
  await ended;
});
