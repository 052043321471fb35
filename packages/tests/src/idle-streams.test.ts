import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type IncomingMessage, request as requestHttp1 } from "node:http";
import { connect as connectHttp2 } from "node:http2";
import type { AddressInfo } from "node:net";
import { after, before, describe, it } from "node:test";
import { create, toBinary, toJsonString } from "@bufbuild/protobuf";
import { connect } from "@confab/client/node";
import { EnvelopeReader, enveloped } from "@confab/contract";
import { UserSchema } from "@confab/contract/gen/confab/v1/message_pb";
import { WebSocket } from "ws";
import { type ServerProcess, startServerProcess } from "./fixture/server-process.js";
import { base64Decoded } from "./parity/raw-clients.js";

// A proxy cuts a stream on which nothing comes for a minute or so. Streams with pings are never that silent; one of Connect
// or gRPC-Web ends before, in good order, and its client reads on.

const streamPath = "/confab.v1.ChatService/StreamMessages";
const conversePath = "/confab.v1.ChatService/Converse";

describe("in a room where nothing is sent", () => {
  let server: ServerProcess;
  let position: string;
  before(async () => {
    server = await startServerProcess({ flags: { limits: { idleStreamEndMs: 200, pingIntervalMs: 100 } } });
    const body = '{"user":"a","text":"x","room":"quiet"}';
    const headers = { "content-type": "application/json" };
    const sent = await fetch(`${server.url}/confab.v1.ChatService/SendMessage`, { method: "POST", headers, body });
    const { epoch, offset } = ((await sent.json()) as { position: { epoch: number; offset: string } }).position;
    position = `${epoch}:${offset}`;
  });
  after(() => server.stop());

  for (const version of ["HTTP/1.1", "HTTP/2"] as const) {
    for (const contentType of [
      "application/connect+json",
      "application/connect+proto",
      "application/grpc-web+proto",
      "application/grpc-web-text+proto",
    ]) {
      it(`${contentType} over ${version} ends with UNAVAILABLE and its position, and no message`, async () => {
        const user = create(UserSchema, { room: "quiet" });
        const isJson = contentType.endsWith("json");
        const reader = isJson ? Buffer.from(toJsonString(UserSchema, user)) : toBinary(UserSchema, user);
        const message = Buffer.from(enveloped(0, reader));
        const isText = contentType.includes("-text");
        const ask = version === "HTTP/2" ? wholeBodyHttp2 : wholeBodyHttp1;
        const body = await ask(server.url, contentType, isText ? Buffer.from(message.toString("base64")) : message);
        const envelopes = envelopesOf(isText ? base64Decoded(body.toString("latin1")) : body);
        assert.equal(envelopes.length, 1, "one envelope: the end");
        const [[flags, text] = assert.fail()] = envelopes;
        if (flags === 0x80) {
          assert.match(text, new RegExp(`^grpc-status: 14\r\n(.+\r\n)+confab-position: ${position}\r\n$`));
        } else {
          const { error, metadata } = JSON.parse(text) as { error: { code: string }; metadata: object };
          assert.deepEqual([flags, error.code, metadata], [2, "unavailable", { "confab-position": [position] }]);
        }
      });
    }
  }

  it("every other kind of stream is shown to be in use, and goes on", async () => {
    const http2 = connectHttp2(server.url);
    const grpc = (path: string) =>
      http2.request({ ":method": "POST", ":path": path, "content-type": "application/grpc", te: "trailers" });
    const stream = grpc(streamPath);
    stream.end(Buffer.from(enveloped(0, new Uint8Array(0))));
    const converse = grpc(conversePath);
    // Converse has pings among its frames, whatever the protocol.
    const overConnect = http2.request({
      ":method": "POST",
      ":path": conversePath,
      "content-type": "application/connect+json",
    });
    const events = requestHttp1(`${server.url}/v1/rooms/quiet/stream`).end();
    const [eventStream] = (await once(events, "response")) as [IncomingMessage];
    const sockets = [undefined, "confab.v1.json", "confab.v1.proto"].map(
      (subprotocol) => new WebSocket(`${server.url.replace("http", "ws")}/chat`, subprotocol ?? []),
    );
    const ends: string[] = [];
    for (const [name, each] of Object.entries({ stream, converse, overConnect, eventStream }))
      each.on("end", () => ends.push(name));
    for (const socket of sockets) socket.on("close", () => ends.push(`WebSocket ${socket.protocol}`));

    // Six intervals of the pings are three times as long as the others may be silent.
    const signs = [
      untilTimes(6, (count) => converse.on("data", count)),
      untilTimes(6, (count) => overConnect.on("data", count)),
      untilTimes(6, (count) => eventStream.on("data", count)),
      ...sockets.map((socket) => untilTimes(6, (count) => socket.on("ping", count))),
      // HTTP/2 looks at its deadlines once a second, whatever the interval.
      untilTimes(2, (count) => http2.on("ping", count)),
    ];
    stream.resume();
    await Promise.all(signs);
    assert.deepEqual(ends, []);
    for (const socket of sockets) socket.terminate();
    events.destroy();
    http2.destroy();
  });

  for (const transport of ["connect", "grpc-web"] as const) {
    it(`a user of the SDK over ${transport} notices nothing, and receives the next message`, async (t) => {
      let streams = 0;
      let sawThree: () => void = () => undefined;
      const threeStreams = new Promise<void>((resolve) => {
        sawThree = resolve;
      });
      const url = await startCounter(t, server.url, (path) => {
        if (path === streamPath && ++streams === 3) sawThree();
      });
      const states: string[] = [];
      const client = connect({ url, transport, user: "ann" });
      t.after(() => client.close());
      client.on("state", ({ name }) => states.push(name));
      const heard: string[] = [];
      let hear: () => void = () => undefined;
      const heardOne = new Promise<void>((resolve) => {
        hear = resolve;
      });
      client.room(`for-${transport}`).subscribe(({ text }) => {
        heard.push(text);
        hear();
      });
      await threeStreams;
      await client.room(`for-${transport}`).send("hello");
      await heardOne;
      assert.deepEqual([heard, states], [["hello"], ["live"]]);
    });
  }
});

async function wholeBodyHttp1(url: string, contentType: string, message: Buffer): Promise<Buffer> {
  const request = requestHttp1(url + streamPath, { method: "POST", headers: { "content-type": contentType } });
  request.end(message);
  const [response] = (await once(request, "response")) as [IncomingMessage];
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

async function wholeBodyHttp2(url: string, contentType: string, message: Buffer): Promise<Buffer> {
  const session = connectHttp2(url);
  const stream = session.request({ ":method": "POST", ":path": streamPath, "content-type": contentType });
  stream.end(message);
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  session.destroy();
  return Buffer.concat(chunks);
}

function envelopesOf(body: Uint8Array): [flags: number, text: string][] {
  const envelopes: [number, string][] = [];
  const reader = new EnvelopeReader(
    1_000_000,
    (flags, message) => envelopes.push([flags, Buffer.from(message).toString()]),
    (length) => {
      throw new Error(`an envelope of ${length} bytes`);
    },
  );
  reader.push(body);
  assert.ok(reader.isAtBoundary);
  return envelopes;
}

function untilTimes(wanted: number, listen: (count: () => void) => void): Promise<void> {
  return new Promise((resolve) => {
    let seen = 0;
    listen(() => {
      if (++seen === wanted) resolve();
    });
  });
}

/** A proxy of HTTP/1.1 that tells the path of each request. */
async function startCounter(
  t: { after(run: () => unknown): void },
  target: string,
  asked: (path: string) => void,
): Promise<string> {
  const proxy = createServer((incoming, response) => {
    asked(incoming.url ?? "");
    const { method, headers, url = "" } = incoming;
    const onward = requestHttp1(target + url, { method: method ?? "GET", headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 500, answer.headers);
      response.flushHeaders();
      answer.pipe(response);
    });
    onward.on("error", () => response.destroy());
    response.on("close", () => onward.destroy());
    incoming.pipe(onward);
  });
  proxy.listen(0, "127.0.0.1");
  await once(proxy, "listening");
  t.after(() => {
    proxy.close();
    proxy.closeAllConnections();
  });
  return `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
}
