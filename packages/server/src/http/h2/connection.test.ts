import assert from "node:assert/strict";
import { once } from "node:events";
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  constants,
  type IncomingHttpHeaders,
} from "node:http2";
import { type TestContext, test } from "node:test";
import type { Exchange, ExchangeHandler } from "../exchange.js";
import type { Http2Options } from "./options.js";
import { echo, openServer, Recorder, type TestServer } from "./testing/server.js";

interface Opened {
  readonly server: TestServer;
  readonly client: ClientHttp2Session;
}

async function open(t: TestContext, handler: ExchangeHandler, options: Partial<Http2Options> = {}): Promise<Opened> {
  const server = await openServer(handler, options);
  const client = connect(`http://127.0.0.1:${server.port}`);
  client.on("error", () => undefined);
  t.after(async () => {
    client.destroy();
    await server.close();
    assert.deepEqual(server.errors, []);
  });
  await once(client, "connect");
  return { server, client };
}

interface Reply {
  readonly head: IncomingHttpHeaders & { readonly ":status"?: number };
  readonly body: Buffer;
  readonly trailers: IncomingHttpHeaders | undefined;
}

async function replyTo(stream: ClientHttp2Stream): Promise<Reply> {
  const chunks: Buffer[] = [];
  let head = {};
  let trailers: IncomingHttpHeaders | undefined;
  stream.on("response", (fields) => {
    head = { ...fields };
  });
  stream.on("trailers", (fields) => {
    trailers = { ...fields };
  });
  stream.on("data", (chunk) => chunks.push(chunk));
  await once(stream, "end");
  return { head, body: Buffer.concat(chunks), trailers };
}

/** A listener that answers when the request has ended. */
function answering(answer: (exchange: Exchange, recorder: Recorder) => void): ExchangeHandler {
  return (exchange) => {
    const recorder = new Recorder();
    exchange.listen(recorder);
    void recorder.saw("ended").then(() => answer(exchange, recorder));
  };
}

test("a unary call carries head, body and trailers both ways", async (t) => {
  let seen: Exchange | undefined;
  const { client } = await open(
    t,
    answering((exchange, recorder) => {
      seen = exchange;
      exchange.respond(200, { "content-type": "application/grpc" });
      exchange.write(recorder.body);
      exchange.end({ "grpc-status": "0" });
    }),
  );
  const stream = client.request({ ":method": "POST", ":path": "/s/m?x=%20", te: "trailers", "x-a": ["1", "2"] });
  stream.end("hello");
  const reply = await replyTo(stream);
  assert.equal(reply.head[":status"], 200);
  assert.equal(reply.head["content-type"], "application/grpc");
  assert.equal(reply.body.toString(), "hello");
  assert.equal(reply.trailers?.["grpc-status"], "0");
  const request = seen?.request;
  assert.equal(request?.method, "POST");
  assert.equal(request?.target, "/s/m?x=%20");
  assert.match(request?.authority ?? "", /^127\.0\.0\.1:\d+$/);
  assert.equal(request?.httpVersion, 2);
  assert.deepEqual({ ...request?.headers }, { te: "trailers", "x-a": "1, 2" });
});

test("requests that repeat get equal heads, and those that differ in one field do not", async (t) => {
  const { client } = await open(t, (exchange) => {
    exchange.listen(new Recorder());
    exchange.respond(200, {});
    exchange.end({ "x-seen": `${exchange.request.target} ${exchange.request.headers["x-n"]}` });
  });
  for (const [path, n] of [
    ["/a", "1"],
    ["/a", "1"],
    ["/b", "1"],
    ["/a", "2"],
    ["/a", "1"],
    ["/b", "2"],
    ["/a", "2"],
  ]) {
    const reply = await replyTo(client.request({ ":path": path, "x-n": n }));
    assert.equal(reply.trailers?.["x-seen"], `${path} ${n}`);
  }
});

test("header values of any bytes and lengths arrive as a node:http2 client sent them", async (t) => {
  const { client } = await open(t, (exchange) => {
    exchange.listen(new Recorder());
    const { "x-value": value, ...others } = exchange.request.headers;
    exchange.respond(200, { "x-value": value ?? "", "x-others": String(Object.keys(others).length) });
    exchange.end();
  });
  let seed = 7;
  const random = (below: number): number => {
    seed = (seed * 48_271) % 0x7fff_ffff;
    return seed % below;
  };
  for (let round = 0; round < 300; round += 1) {
    const length = random(10) === 0 ? random(3000) : random(40);
    const value = Array.from({ length }, () => String.fromCharCode(0x21 + random(0x7e - 0x21))).join("");
    const reply = await replyTo(client.request({ "x-value": value, [`x-${random(50)}`]: `${random(9)}` }));
    assert.equal(reply.head["x-value"], value, `round ${round}`);
    assert.equal(reply.head["x-others"], "1");
  }
});

test("a hundred streams at once each get their own reply", async (t) => {
  const { client } = await open(t, echo);
  await Promise.all(
    Array.from({ length: 100 }, async (_, n) => {
      const stream = client.request({ ":method": "POST" });
      stream.end(`body ${n}`);
      assert.equal((await replyTo(stream)).body.toString(), `body ${n}`);
    }),
  );
});

test("a streamed response reaches the client message by message while the request stays open", async (t) => {
  let exchange: Exchange | undefined;
  const recorder = new Recorder();
  const { client } = await open(t, (one) => {
    exchange = one;
    one.listen(recorder);
    one.respond(200, {});
  });
  const stream = client.request({ ":method": "POST" }, { endStream: false });
  await once(stream, "response");
  for (const message of ["one", "two", "three"]) {
    exchange?.write(Buffer.from(message));
    const [chunk] = await once(stream, "data");
    assert.equal(String(chunk), message);
  }
  stream.end("bye");
  await recorder.saw("ended");
  exchange?.end();
  await once(stream, "close");
  assert.equal(recorder.body.toString(), "bye");
  assert.deepEqual(recorder.events, ["data", "ended"]);
});

test("a client that cancels makes the exchange abort, and later calls on it do nothing", async (t) => {
  let exchange: Exchange | undefined;
  const recorder = new Recorder();
  const { client, server } = await open(t, (one) => {
    exchange = one;
    one.listen(recorder);
    one.respond(200, {});
    one.write(Buffer.from("x"));
  });
  const stream = client.request({ ":method": "POST" }, { endStream: false });
  stream.on("error", () => undefined);
  await once(stream, "response");
  stream.close(constants.NGHTTP2_CANCEL);
  await recorder.saw("aborted");
  assert.equal(exchange?.write(Buffer.from("y")), true);
  exchange?.end();
  exchange?.reset();
  assert.equal(server.connections[0]?.openStreams, 0);
  // node:http2 ends the request before it resets the stream.
  assert.deepEqual(recorder.events, ["ended", "aborted"]);
});

test("a client that disconnects makes every open exchange abort", async (t) => {
  const recorders: Recorder[] = [];
  const { client, server } = await open(t, (one) => {
    const recorder = new Recorder();
    recorders.push(recorder);
    one.listen(recorder);
    one.respond(200, {});
  });
  for (let n = 0; n < 3; n += 1) {
    const stream = client.request({ ":method": "POST" }, { endStream: false });
    stream.on("error", () => undefined);
    await once(stream, "response");
  }
  client.destroy();
  await Promise.all(recorders.map((recorder) => recorder.saw("aborted")));
  await server.connections[0]?.closed;
  assert.equal(recorders.length, 3);
});

test("an exchange that is reset ends with INTERNAL_ERROR at the client, without a call of aborted", async (t) => {
  const recorder = new Recorder();
  const { client } = await open(t, (one) => {
    one.listen(recorder);
    one.respond(200, {});
    one.write(Buffer.from("x"));
    one.reset();
  });
  const stream = client.request({ ":method": "POST" }, { endStream: false });
  const [error] = await once(stream, "error");
  assert.match(String(error), /NGHTTP2_INTERNAL_ERROR/);
  assert.deepEqual(recorder.events, []);
});

test("a response that ends before its request stops the upload and still arrives whole", async (t) => {
  const { client } = await open(t, (one) => {
    one.listen(new Recorder());
    one.respond(403, {});
    one.write(Buffer.from("no"));
    one.end({ "x-why": "because" });
  });
  const stream = client.request({ ":method": "POST" }, { endStream: false });
  const reply = await replyTo(stream);
  assert.equal(reply.head[":status"], 403);
  assert.equal(reply.body.toString(), "no");
  assert.equal(reply.trailers?.["x-why"], "because");
  await once(stream, "close");
  assert.equal(stream.rstCode, constants.NGHTTP2_NO_ERROR);
});

test("HEAD, 204 and 304 send no body whatever is written", async (t) => {
  const { client } = await open(t, (one) => {
    one.listen(new Recorder());
    one.respond(Number(one.request.target.slice(1)), {});
    one.write(Buffer.from("body"));
    one.end();
  });
  for (const [method, path] of [
    ["HEAD", "/200"],
    ["GET", "/204"],
    ["GET", "/304"],
  ]) {
    const reply = await replyTo(client.request({ ":method": method, ":path": path }));
    assert.equal(reply.head[":status"], Number(path?.slice(1)));
    assert.equal(reply.body.length, 0);
  }
});

test("a client that expects 100 Continue is told to go on", async (t) => {
  const { client } = await open(t, echo);
  const stream = client.request({ ":method": "POST", expect: "100-continue" }, { endStream: false });
  await once(stream, "continue");
  stream.end("body");
  assert.equal((await replyTo(stream)).body.toString(), "body");
});

test("trailers of the client end its request", async (t) => {
  const { client } = await open(t, echo);
  const stream = client.request({ ":method": "POST" }, { waitForTrailers: true });
  stream.on("wantTrailers", () => stream.sendTrailers({ "x-sum": "1" }));
  stream.end("body");
  assert.equal((await replyTo(stream)).body.toString(), "body");
});

test("a connection that drains refuses nothing that was on its way, finishes what is open and closes", async (t) => {
  let exchange: Exchange | undefined;
  const { client, server } = await open(t, (one) => {
    exchange = one;
    one.listen(new Recorder());
    one.respond(200, {});
  });
  const stream = client.request({ ":method": "POST" }, { endStream: false });
  await once(stream, "response");
  const goAway = once(client, "goaway");
  server.connections[0]?.drain();
  const [code] = await goAway;
  assert.equal(code, constants.NGHTTP2_NO_ERROR);
  exchange?.write(Buffer.from("last"));
  stream.end();
  exchange?.end();
  const [chunk] = await once(stream, "data");
  assert.equal(String(chunk), "last");
  await server.connections[0]?.closed;
});

test("an exception in a listener closes its connection and is reported", async (t) => {
  const server = await openServer(() => {
    throw new Error("a bug");
  });
  t.after(() => server.close());
  const client = connect(`http://127.0.0.1:${server.port}`);
  client.on("error", () => undefined);
  const stream = client.request({});
  stream.on("error", () => undefined);
  await new Promise((resolve) => client.on("close", resolve));
  assert.match(String(server.errors[0]), /a bug/);
});
