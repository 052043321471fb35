import assert from "node:assert/strict";
import { connect as connectHttp2 } from "node:http2";
import { after, before, describe, it } from "node:test";
import { gzipSync } from "node:zlib";
import { EnvelopeReader, enveloped } from "@confab/contract";
import { type ServerProcess, startServerProcess } from "../fixture/server-process.js";
import { base64Decoded, tooLong } from "./raw-clients.js";

// The statuses that gRPC's own documents fix (grpc/doc/statuscodes.md, compression.md), and what connectrpc/conformance
// expects of gRPC-Web and Connect.

const contentTypes = [
  "application/grpc+proto",
  "application/grpc-web+proto",
  "application/grpc-web-text+proto",
  "application/connect+proto",
] as const;

const methods = [
  { path: "/confab.v1.ChatService/ListRooms", isUnary: true },
  { path: "/grpc.health.v1.Health/Check", isUnary: true },
  { path: "/confab.v1.ChatService/StreamMessages", isUnary: false },
  { path: "/grpc.health.v1.Health/Watch", isUnary: false },
];

const empty = Buffer.from(enveloped(0, new Uint8Array(0)));
const zipped = gzipSync(Buffer.alloc(0));

/** `[what, body, the encoding that is named, status]`: of gRPC and gRPC-Web, then of Connect where it differs. */
const requests: readonly (readonly [string, Buffer, string | undefined, string, string?])[] = [
  ["no message", Buffer.alloc(0), undefined, "unimplemented"],
  ["two messages", Buffer.concat([empty, empty]), undefined, "unimplemented"],
  ["two messages, compressed", Buffer.concat([compressed(zipped), compressed(zipped)]), "gzip", "unimplemented"],
  ["a compressed message, and no encoding named", compressed(zipped), undefined, "internal"],
  ["a compressed message, and identity named", compressed(zipped), "identity", "internal"],
  ["bytes that are not gzip", compressed(Buffer.from("hello")), "gzip", "internal", "invalid_argument"],
  ["half of a gzip", compressed(zipped.subarray(0, 12)), "gzip", "internal", "invalid_argument"],
  ["an encoding that is not known here", empty, "zstd", "unimplemented"],
];

describe("an RPC", () => {
  let server: ServerProcess;
  before(async () => {
    server = await startServerProcess();
  });
  after(() => server.stop());

  for (const [what, body, encoding, status, connectStatus = status] of requests) {
    it(`of ${what} ends with ${status}, whatever its protocol and kind`, async () => {
      for (const contentType of contentTypes) {
        const isConnect = contentType.includes("connect");
        for (const { path, isUnary } of methods) {
          // Connect's unary calls have no envelopes.
          if (isConnect && isUnary) continue;
          const headers = encoding && { [isConnect ? "connect-content-encoding" : "grpc-encoding"]: encoding };
          const found = await statusOf(server.url, path, { "content-type": contentType, ...headers }, body);
          assert.equal(found, isConnect ? connectStatus : status, `${contentType} ${path}`);
        }
      }
    });
  }
});

function compressed(bytes: Uint8Array): Buffer {
  return Buffer.from(enveloped(1, bytes));
}

const names: Readonly<Record<string, string>> = { 0: "ok", 3: "invalid_argument", 12: "unimplemented", 13: "internal" };

/** The status of a call over HTTP/2, as Connect spells it. */
async function statusOf(
  url: string,
  path: string,
  headers: Readonly<Record<string, string>>,
  body: Buffer,
): Promise<string | undefined> {
  const session = connectHttp2(url);
  const stream = session.request({ ":method": "POST", ":path": path, te: "trailers", ...headers });
  const isText = headers["content-type"]?.includes("-text") ?? false;
  stream.end(isText ? Buffer.from(body.toString("base64")) : body);
  let status: string | undefined;
  const take = (fields: Readonly<Record<string, unknown>>) => {
    if (fields["grpc-status"] !== undefined) status = names[String(fields["grpc-status"])];
  };
  stream.on("response", take);
  stream.on("trailers", take);
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  session.destroy();
  const whole = Buffer.concat(chunks);
  new EnvelopeReader(
    tooLong,
    (flags, message) => {
      const text = Buffer.from(message).toString();
      if (flags === 0x80) status = names[/^grpc-status: ([0-9]+)/.exec(text)?.[1] ?? ""];
      if (flags === 2) status = (JSON.parse(text) as { error?: { code: string } }).error?.code ?? "ok";
    },
    () => assert.fail("an envelope without end"),
  ).push(isText ? base64Decoded(whole.toString("latin1")) : whole);
  return status;
}
