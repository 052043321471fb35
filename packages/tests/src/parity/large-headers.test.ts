import assert from "node:assert/strict";
import { type ClientHttp2Session, connect as connectHttp2, type IncomingHttpHeaders } from "node:http2";
import { after, before, describe, it } from "node:test";
import { EnvelopeReader } from "@confab/contract";
import { openSocket } from "../fixture/open-socket.js";
import { type ServerProcess, startServerProcess } from "../fixture/server-process.js";
import { base64Decoded, codeFromTrailers, reasonFrom, tooLong } from "./raw-clients.js";

// Headers over maxHeaderBytes: each protocol's own error, on both versions of HTTP, and the connection goes on.

const sendPath = "/confab.v1.ChatService/SendMessage";
const streamPath = "/confab.v1.ChatService/StreamMessages";
const maxHeaderBytes = 16_384;

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly trailers: Readonly<Record<string, unknown>>;
  readonly body: Buffer;
}

interface Refused {
  readonly what: string;
  readonly method: "GET" | "POST";
  readonly path: string;
  readonly contentType?: string;
  readonly isRefusedBy: (answer: Answer) => void;
}

function isHeadersTooLarge(code: string | undefined, text: string): void {
  assert.equal(code, "HEADERS_TOO_LARGE");
  assert.match(text, /16384 bytes \(maxHeaderBytes\)/);
}

function restError({ status, body }: Answer): void {
  const { error } = JSON.parse(body.toString()) as { error: { code: string; message: string; details: unknown } };
  assert.equal(status, 431);
  isHeadersTooLarge(error.code, error.message);
}

function connectError({ status, headers, body }: Answer): void {
  const error = JSON.parse(body.toString()) as { code: string; message: string; details: unknown };
  assert.deepEqual([status, headers["content-type"], error.code], [431, "application/json", "resource_exhausted"]);
  isHeadersTooLarge(reasonFrom(error.details), error.message);
}

/** The last envelope of a stream, whose flag says that it is one. */
function lastEnvelope(body: Buffer, flag: number): string {
  let last = "";
  const take = (flags: number, message: Uint8Array) => {
    assert.equal(flags, flag);
    last = Buffer.from(message).toString();
  };
  new EnvelopeReader(tooLong, take, () => assert.fail("an envelope that is too long")).push(body);
  return last;
}

function connectStreamError({ status, body }: Answer): void {
  assert.equal(status, 200);
  const { error } = JSON.parse(lastEnvelope(body, 0x02)) as {
    error: { code: string; message: string; details: unknown };
  };
  assert.equal(error.code, "resource_exhausted");
  isHeadersTooLarge(reasonFrom(error.details), error.message);
}

function grpcError({ status, headers, trailers }: Answer): void {
  assert.deepEqual([status, headers["grpc-status"], trailers], [200, "8", {}], "trailers only");
  isHeadersTooLarge(codeFromTrailers(headers), decodeURIComponent(String(headers["grpc-message"])));
}

function grpcWebError({ status, body }: Answer): void {
  assert.equal(status, 200);
  const lines = lastEnvelope(body, 0x80).trim().split("\r\n");
  const trailers = Object.fromEntries(lines.map((line) => line.split(": ", 2) as [string, string]));
  assert.equal(trailers["grpc-status"], "8");
  isHeadersTooLarge(codeFromTrailers(trailers), decodeURIComponent(trailers["grpc-message"] ?? ""));
}

function grpcWebTextError(answer: Answer): void {
  grpcWebError({ ...answer, body: base64Decoded(answer.body.toString()) });
}

const refused: readonly Refused[] = [
  { what: "REST", method: "GET", path: "/v1/rooms/lobby/messages", isRefusedBy: restError },
  {
    what: "REST with a body",
    method: "POST",
    path: "/v1/rooms/lobby/messages",
    contentType: "application/json",
    isRefusedBy: restError,
  },
  { what: "SSE", method: "GET", path: "/v1/rooms/lobby/stream", isRefusedBy: restError },
  { what: "a page", method: "GET", path: "/healthz", isRefusedBy: restError },
  { what: "a path where nothing is", method: "GET", path: "/nowhere", isRefusedBy: restError },
  { what: "Connect", method: "POST", path: sendPath, contentType: "application/json", isRefusedBy: connectError },
  {
    what: "Connect in Protobuf",
    method: "POST",
    path: sendPath,
    contentType: "application/proto",
    isRefusedBy: connectError,
  },
  {
    what: "a Connect GET",
    method: "GET",
    path: "/confab.v1.ChatService/ListRooms?connect=v1&encoding=json&message=%7B%7D",
    isRefusedBy: connectError,
  },
  {
    what: "a Connect stream",
    method: "POST",
    path: streamPath,
    contentType: "application/connect+json",
    isRefusedBy: connectStreamError,
  },
  {
    what: "gRPC-Web",
    method: "POST",
    path: sendPath,
    contentType: "application/grpc-web+proto",
    isRefusedBy: grpcWebError,
  },
  {
    what: "a gRPC-Web stream in text",
    method: "POST",
    path: streamPath,
    contentType: "application/grpc-web-text",
    isRefusedBy: grpcWebTextError,
  },
];

const grpc: Refused = {
  what: "gRPC",
  method: "POST",
  path: sendPath,
  contentType: "application/grpc",
  isRefusedBy: grpcError,
};

describe("headers over maxHeaderBytes", () => {
  let server: ServerProcess;
  let session: ClientHttp2Session;
  before(async () => {
    server = await startServerProcess();
    session = connectHttp2(server.url);
    session.on("error", () => undefined);
  });
  after(async () => {
    session.destroy();
    await server.stop();
  });

  const overHttp2 = (one: Refused, large: Record<string, string>, isLargeFirst: boolean) =>
    new Promise<Answer>((resolve, reject) => {
      const type = one.contentType === undefined ? {} : { "content-type": one.contentType };
      const fields = isLargeFirst ? { ...large, ...type } : { ...type, ...large };
      const stream = session.request({ ":method": one.method, ":path": one.path, ...fields });
      let headers: IncomingHttpHeaders & { ":status"?: number | undefined } = {};
      let trailers: Record<string, unknown> = {};
      const chunks: Buffer[] = [];
      stream.on("response", (received) => {
        headers = received;
      });
      stream.on("trailers", (received) => {
        trailers = received;
      });
      stream.on("data", (chunk: Buffer) => chunks.push(chunk));
      stream.on("error", reject);
      stream.on("close", () =>
        resolve({ status: Number(headers[":status"]), headers, trailers, body: Buffer.concat(chunks) }),
      );
      stream.end();
    });

  const overHttp1 = async (one: Refused, large: Record<string, string>): Promise<Answer> => {
    const socket = openSocket(server.url);
    const type = one.contentType === undefined ? "" : `content-type: ${one.contentType}\r\n`;
    const fields = Object.entries(large).map(([name, value]) => `${name}: ${value}\r\n`);
    const common = `host: 127.0.0.1\r\n${one.method === "POST" ? "content-length: 0\r\n" : ""}`;
    // The second request shows that the connection has gone on.
    socket.write(`${one.method} ${one.path} HTTP/1.1\r\n${common}${fields.join("")}${type}\r\n`);
    socket.write(`GET /healthz HTTP/1.1\r\n${common}connection: close\r\n\r\n`);
    const chunks: Buffer[] = [];
    for await (const chunk of socket) chunks.push(chunk as Buffer);
    const all = Buffer.concat(chunks).toString("latin1");
    assert.match(all, /HTTP\/1\.1 200 OK\r\n[\s\S]*"ok"/);
    const [head = "", ...rest] = all.split("\r\n\r\n");
    const [statusLine = "", ...lines] = head.split("\r\n");
    const headers = Object.fromEntries(lines.map((line) => line.toLowerCase().split(": ", 2) as [string, string]));
    const raw = Buffer.from(rest.join("\r\n\r\n"), "latin1");
    const length = headers["content-length"];
    const body = length === undefined ? unchunked(raw) : raw.subarray(0, Number(length));
    return { status: Number(statusLine.split(" ")[1]), headers, trailers: {}, body };
  };

  const sizes: readonly (readonly [size: string, large: Record<string, string>])[] = [
    ["20 KB in one field", { "x-large": "a".repeat(20_000) }],
    ["60 KB in one field", { "x-large": "~".repeat(3.7 * maxHeaderBytes) }],
    ["20 KB in 400 fields", Object.fromEntries(Array.from({ length: 400 }, (_, i) => [`x-${i}`, "a".repeat(16)]))],
  ];
  for (const [size, large] of sizes) {
    for (const one of [...refused, grpc]) {
      it(`${size}, over HTTP/2, to ${one.what}`, async () => {
        one.isRefusedBy(await overHttp2(one, large, false));
        one.isRefusedBy(await overHttp2(one, large, true));
        assert.equal(session.destroyed, false);
      });
    }
    for (const one of refused) {
      it(`${size}, over HTTP/1.1, to ${one.what}`, async () => one.isRefusedBy(await overHttp1(one, large)));
    }
  }

  it("of a WebSocket's handshake are refused by it", async () => {
    const socket = openSocket(server.url);
    const fields = "connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n";
    const key = "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    socket.write(`GET /chat HTTP/1.1\r\nhost: 127.0.0.1\r\n${fields}${key}x-large: ${"a".repeat(20_000)}\r\n\r\n`);
    let answer = "";
    for await (const chunk of socket) answer += (chunk as Buffer).toString("latin1");
    assert.match(answer, /^HTTP\/1\.1 431 /);
    const { error } = JSON.parse(answer.split("\r\n\r\n")[1] ?? "") as { error: { code: string; message: string } };
    isHeadersTooLarge(error.code, error.message);
  });
});

/** The content of a chunked body (RFC 9112 §7.1). */
function unchunked(raw: Buffer): Buffer {
  const chunks: Buffer[] = [];
  let rest = raw;
  for (;;) {
    const lineEnd = rest.indexOf("\r\n");
    const length = Number.parseInt(rest.subarray(0, lineEnd).toString(), 16);
    if (length === 0) return Buffer.concat(chunks);
    chunks.push(rest.subarray(lineEnd + 2, lineEnd + 2 + length));
    rest = rest.subarray(lineEnd + 4 + length);
  }
}
