import assert from "node:assert/strict";
import { connect as connectHttp2 } from "node:http2";
import type { Socket } from "node:net";
import { after, before, describe, it } from "node:test";
import { gzipSync } from "node:zlib";
import { create, toBinary } from "@bufbuild/protobuf";
import { enveloped } from "@confab/contract";
import { ChatMessageSchema, UserSchema } from "@confab/contract/gen/confab/v1/message_pb";
import { openSocket } from "../fixture/open-socket.js";
import { type ServerProcess, startServerProcess } from "../fixture/server-process.js";
import { codeFromTrailers, reasonFrom } from "./raw-clients.js";

// Requests that are wrong before any message is looked at.

const sendPath = "/confab.v1.ChatService/SendMessage";
const streamPath = "/confab.v1.ChatService/StreamMessages";
const good = Buffer.from(
  enveloped(0, toBinary(ChatMessageSchema, create(ChatMessageSchema, { user: "ann", text: "hi" }))),
);
const json = { "content-type": "application/json" };

describe("a request over HTTP/1.1 or HTTP/2", () => {
  let server: ServerProcess;
  before(async () => {
    server = await startServerProcess({ flags: { limits: { prefaceTimeoutMs: 2_000, requestTimeoutMs: 3_000 } } });
  });
  after(() => server.stop());

  const plain: readonly (readonly [
    what: string,
    method: string,
    path: string,
    init: RequestInit,
    status: number,
    code: string,
  ])[] = [
    ["to an unknown path", "GET", "/nowhere", {}, 404, "UNKNOWN_PATH"],
    ["to an unknown REST path", "GET", "/v1/nowhere", {}, 404, "UNKNOWN_PATH"],
    [
      "to an unknown RPC",
      "POST",
      "/confab.v1.ChatService/Nothing",
      { headers: json, body: "{}" },
      404,
      "UNKNOWN_METHOD",
    ],
    ["with a verb that REST does not take there", "DELETE", "/v1/rooms/lobby/messages", {}, 405, "METHOD_NOT_ALLOWED"],
    ["with a verb that RPCs do not take", "PUT", sendPath, { headers: json, body: "{}" }, 405, "METHOD_NOT_ALLOWED"],
    [
      "that GETs an RPC with side effects",
      "GET",
      `${sendPath}?connect=v1&encoding=json&message=%7B%7D`,
      {},
      405,
      "METHOD_NOT_ALLOWED",
    ],
    [
      "with an unknown content type to an RPC",
      "POST",
      sendPath,
      { headers: { "content-type": "text/xml" }, body: "<hi/>" },
      415,
      "UNSUPPORTED_MEDIA_TYPE",
    ],
    [
      "with an unknown content type to REST",
      "POST",
      "/v1/rooms/lobby/messages",
      { headers: { "content-type": "text/xml" }, body: "<hi/>" },
      415,
      "UNSUPPORTED_MEDIA_TYPE",
    ],
    [
      "with gRPC over HTTP/1.1",
      "POST",
      sendPath,
      { headers: { "content-type": "application/grpc" }, body: good },
      415,
      "UNSUPPORTED_MEDIA_TYPE",
    ],
    [
      "with an unknown compression to Connect",
      "POST",
      sendPath,
      { headers: { ...json, "content-encoding": "br" }, body: "{}" },
      501,
      "UNSUPPORTED_COMPRESSION",
    ],
    [
      "with an unknown compression to REST",
      "POST",
      "/v1/rooms/lobby/messages",
      { headers: { ...json, "content-encoding": "br" }, body: "{}" },
      415,
      "UNSUPPORTED_COMPRESSION",
    ],
    [
      "that says gzip and is not",
      "POST",
      sendPath,
      { headers: { ...json, "content-encoding": "gzip" }, body: "{}" },
      400,
      "MALFORMED_MESSAGE",
    ],
    [
      "with a malformed Connect timeout",
      "POST",
      sendPath,
      { headers: { ...json, "connect-timeout-ms": "soon" }, body: '{"user":"ann","text":"hi"}' },
      400,
      "INVALID_TIMEOUT",
    ],
    [
      "whose Connect deadline has passed",
      "POST",
      sendPath,
      { headers: { ...json, "connect-timeout-ms": "0" }, body: '{"user":"ann","text":"hi"}' },
      504,
      "DEADLINE_EXCEEDED",
    ],
    ["for a history page past the end", "GET", "/v1/rooms/lobby/messages?before=1:99", {}, 416, "OUT_OF_RANGE"],
    [
      "for a history page of too many messages",
      "GET",
      "/v1/rooms/lobby/messages?limit=1001",
      {},
      400,
      "INVALID_MESSAGE",
    ],
    [
      "for a history page with a garbled position",
      "GET",
      "/v1/rooms/lobby/messages?after=yesterday",
      {},
      400,
      "MALFORMED_MESSAGE",
    ],
    ["that wants a WebSocket's path without an upgrade", "GET", "/chat", {}, 400, "PROTOCOL_VIOLATION"],
  ];
  for (const [what, method, path, init, status, code] of plain) {
    it(`${what} is answered with ${status} ${code}`, async () => {
      const response = await fetch(server.url + path, { method, ...init });
      const body = (await response.json()) as { error?: { code: string }; details?: unknown };
      assert.deepEqual([response.status, body.error?.code ?? reasonFrom(body.details)], [status, code]);
    });
  }

  const rpc: readonly (readonly [
    what: string,
    path: string,
    headers: Record<string, string>,
    body: Buffer,
    code: string,
  ])[] = [
    ["to an unknown method", "/confab.v1.ChatService/Nothing", {}, good, "UNKNOWN_METHOD"],
    ["to an unknown service", "/nobody.Home/Nothing", {}, good, "UNKNOWN_METHOD"],
    ["with an unknown compression", sendPath, { "grpc-encoding": "snappy" }, good, "UNSUPPORTED_COMPRESSION"],
    [
      "with a compressed message and no named compression",
      sendPath,
      {},
      Buffer.concat([Buffer.from([1]), good.subarray(1)]),
      "BROKEN_COMPRESSION",
    ],
    [
      "with unknown envelope flags",
      sendPath,
      {},
      Buffer.concat([Buffer.from([0x40]), good.subarray(1)]),
      "MALFORMED_MESSAGE",
    ],
    ["with a malformed timeout", sendPath, { "grpc-timeout": "1 second" }, good, "INVALID_TIMEOUT"],
    ["with a deadline that has passed", sendPath, { "grpc-timeout": "0n" }, good, "DEADLINE_EXCEEDED"],
    ["without a message", sendPath, {}, Buffer.alloc(0), "WRONG_MESSAGE_COUNT"],
    ["with two messages where one is required", sendPath, {}, Buffer.concat([good, good]), "WRONG_MESSAGE_COUNT"],
    ["that ends in the middle of a message", sendPath, {}, good.subarray(0, -1), "MALFORMED_MESSAGE"],
    [
      "whose prefix promises four gigabytes",
      sendPath,
      {},
      Buffer.from([0, 0xff, 0xff, 0xff, 0xff]),
      "PAYLOAD_TOO_LARGE",
    ],
  ];
  for (const [what, path, headers, body, code] of rpc) {
    it(`of gRPC ${what} is answered with ${code}`, async () => {
      assert.equal(await grpcCode(server.url, path, headers, body), code);
    });
  }

  it("that unfolds to more than the limit is refused, whatever its compressed size", async () => {
    const bomb = gzipSync(Buffer.alloc(10_000_000, "a"));
    const envelope = Buffer.from(enveloped(1, bomb));
    assert.equal(await grpcCode(server.url, sendPath, { "grpc-encoding": "gzip" }, envelope), "PAYLOAD_TOO_LARGE");
    const response = await fetch(server.url + sendPath, {
      method: "POST",
      headers: { ...json, "content-encoding": "gzip" },
      body: bomb,
    });
    assert.equal(reasonFrom(((await response.json()) as { details: unknown }).details), "PAYLOAD_TOO_LARGE");
  });

  it("that shows no protocol in time is cut off", async () => {
    for (const beginning of ["", "PRI * HTT"]) {
      const socket = openSocket(server.url);
      socket.write(beginning);
      assert.equal(await allFrom(socket), "");
    }
  });

  it("that would rather speak clear-text HTTP/2 is answered in HTTP/1.1, its body and the next request too", async () => {
    const socket = openSocket(server.url);
    const body = '{"user":"ann","text":"hi"}';
    const wish = "connection: Upgrade, HTTP2-Settings\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABkAAQCAAAAAAIAAAAA\r\n";
    socket.write(
      `POST ${sendPath} HTTP/1.1\r\nhost: localhost\r\n${wish}content-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
    );
    socket.once("data", () => socket.write("GET /healthz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n"));
    assert.match(await allFrom(socket), /^HTTP\/1\.1 200 [\s\S]*"position"[\s\S]*HTTP\/1\.1 200 [\s\S]*"ok"/);
  });

  it("whose body does not come is answered with 408", async () => {
    const socket = openSocket(server.url);
    socket.write(
      `POST ${sendPath} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 10\r\n\r\n{`,
    );
    assert.match(await allFrom(socket), /^HTTP\/1\.1 408|REQUEST_TIMEOUT/);
  });

  it("is answered before its body when that is announced too long", async () => {
    const socket = openSocket(server.url);
    socket.write(
      `POST ${sendPath} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 99999999999\r\n\r\n`,
    );
    assert.match(await allFrom(socket), /PAYLOAD_TOO_LARGE/);
  });

  it("whose client vanishes in the middle of a stream leaves no reader behind", async () => {
    const session = connectHttp2(server.url);
    const stream = session.request({
      ":method": "POST",
      ":path": streamPath,
      "content-type": "application/grpc",
      te: "trailers",
    });
    stream.on("error", () => undefined);
    stream.end(Buffer.from(enveloped(0, toBinary(UserSchema, create(UserSchema, { name: "ghost", room: "haunted" })))));
    await new Promise((resolve) => stream.once("response", resolve));
    assert.equal((await members(server.url)).total, 1);
    session.destroy();
    while ((await members(server.url)).total !== undefined) await new Promise(setImmediate);
  });
});

async function members(url: string): Promise<{ total?: number }> {
  return (await (await fetch(`${url}/v1/rooms/haunted/members`)).json()) as { total?: number };
}

function grpcCode(url: string, path: string, headers: Record<string, string>, body: Buffer): Promise<string> {
  return new Promise((resolve, reject) => {
    const session = connectHttp2(url);
    session.on("error", reject);
    const stream = session.request({
      ":method": "POST",
      ":path": path,
      "content-type": "application/grpc",
      te: "trailers",
      ...headers,
    });
    let fields: Record<string, unknown> = {};
    const collect = (received: object) => {
      fields = { ...fields, ...received };
    };
    stream.on("response", collect);
    stream.on("trailers", collect);
    stream.on("error", reject);
    stream.on("close", () => {
      session.destroy();
      resolve(codeFromTrailers(fields));
    });
    stream.resume();
    stream.end(body);
  });
}

/** Everything that comes until the server closes. */
function allFrom(socket: Socket): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = "";
    socket.setEncoding("latin1");
    socket.on("data", (chunk: string) => {
      text += chunk;
    });
    socket.on("error", reject);
    socket.on("close", () => resolve(text));
  });
}
