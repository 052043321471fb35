import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { type ServerProcess, startConfabServe } from "../fixture/server-process.js";
import { reasonFrom } from "./raw-clients.js";

// What plain HTTP says beside the body: verbs, types, and what a client of Connect derives from them.

const service = "/confab.v1.ChatService";
const json = { "content-type": "application/json" };
const readable = `${service}/GetHistory`;
const query = "?connect=v1&encoding=json&message=%7B%7D";

describe("plain HTTP", () => {
  let server: ServerProcess;
  before(async () => {
    server = await startConfabServe();
    await fetch(`${server.url}/v1/rooms/lobby/messages`, {
      method: "POST",
      headers: json,
      body: '{"user":"a","text":"b"}',
    });
  });
  after(() => server.stop());

  const ask = async (path: string, init: RequestInit = {}) => {
    const response = await fetch(server.url + path, init);
    const text = await response.text();
    const body = text.startsWith("{")
      ? (JSON.parse(text) as { code?: string; message?: string; details?: unknown })
      : {};
    return { ...body, status: response.status, headers: response.headers, text, reason: reasonFrom(body.details) };
  };

  for (const [method, path, allow] of [
    ["GET", `${service}/SendMessage${query}`, "POST"],
    ["HEAD", `${service}/SendMessage`, "POST"],
    ["GET", `${service}/StreamMessages`, "POST"],
    ["DELETE", `${service}/SendMessage`, "POST"],
    ["DELETE", readable, "GET, HEAD, POST"],
    ["PUT", `${service}/ListRooms`, "GET, HEAD, POST"],
    ["PATCH", "/grpc.health.v1.Health/Check", "GET, HEAD, POST"],
    ["DELETE", "/v1/rooms", "GET, HEAD"],
    ["PUT", "/v1/rooms/lobby/messages", "POST, GET, HEAD"],
    ["POST", "/v1/rooms/lobby/stream", "GET, HEAD"],
    ["POST", "/healthz", "GET, HEAD"],
    ["POST", "/openapi.json", "GET, HEAD"],
    ["POST", "/", "GET, HEAD"],
    ["DELETE", "/lab", "GET, HEAD"],
  ] as const) {
    it(`answers ${method} ${path} with 405 and Allow: ${allow}`, async () => {
      const { status, headers, code, message } = await ask(path, { method });
      assert.deepEqual([status, headers.get("allow")], [405, allow]);
      // A client of Connect derives `unknown` where the body has no code of its protocol.
      assert.equal(code, undefined);
      if (path.startsWith("/confab") && method !== "HEAD") assert.match(message ?? "", /use POST/);
    });
  }

  for (const [path, contentType, accepted, refused] of [
    [`${service}/SendMessage`, "text/xml", "application/json", "application/connect+json"],
    [`${service}/SendMessage`, "application/connect+json", "application/json", "application/connect+json"],
    [`${service}/SendMessage`, undefined, "application/proto", "application/grpc"],
    [`${service}/StreamMessages`, "application/json", "application/connect+json", "application/json"],
    ["/v1/rooms/lobby/messages", "text/xml", "application/json", "application/proto"],
  ] as const) {
    it(`answers POST ${path} of ${contentType ?? "no type"} with 415 and the types that it takes`, async () => {
      // A Blob without a type: `fetch` would name one for a string.
      const body = new Blob(["<hi/>"]);
      const { status, headers, code } = await ask(path, {
        method: "POST",
        body,
        ...(contentType && { headers: { "content-type": contentType } }),
      });
      assert.deepEqual([status, code], [415, undefined]);
      const types = headers.get("accept-post")?.split(", ") ?? [];
      assert.deepEqual([types.includes(accepted), types.includes(refused)], [true, false], types.join());
    });
  }

  for (const [method, path, headers] of [
    ["POST", "/other.Service/Nothing", json],
    ["POST", "/other.Service/Nothing", { "content-type": "application/proto" }],
    ["POST", `${service}/Nothing`, json],
    ["POST", "/Other/Nothing", { ...json, "connect-protocol-version": "1" }],
    ["POST", "/behind/a/prefix/confab.v1.ChatService/SendMessage", { ...json, "connect-protocol-version": "1" }],
    ["GET", `/other.Service/Nothing${query}`, {}],
  ] as const) {
    it(`answers a Connect call of an unknown procedure with its unimplemented: ${method} ${path}`, async () => {
      const body = method === "POST" ? "{}" : null;
      const { status, code, reason } = await ask(path, { method, headers, body });
      assert.deepEqual([status, code, reason], [404, "unimplemented", "UNKNOWN_METHOD"]);
    });
  }

  it("leaves other unknown paths to REST's error", async () => {
    for (const path of ["/nowhere", "/v1/nowhere", "/some/where", "/index.php/x/y"]) {
      const { status, code, text } = await ask(path, { method: "POST", headers: json, body: "{}" });
      assert.deepEqual([status, code], [404, undefined]);
      assert.match(text, /"UNKNOWN_PATH"/);
    }
  });

  for (const path of [
    readable + query,
    "/v1/rooms/lobby/messages",
    "/v1/rooms/lobby/messages?limit=5000",
    "/healthz",
    "/readyz",
    "/openapi.json",
    "/asyncapi.json",
    "/confab.proto",
    "/descriptor.binpb",
    "/",
    "/lab",
    "/nowhere",
  ]) {
    it(`answers HEAD ${path} as GET, without the body`, async () => {
      const [get, head] = await Promise.all([ask(path), ask(path, { method: "HEAD" })]);
      assert.equal(head.text, "");
      assert.notEqual(get.text, "");
      const fields = ({ status, headers }: typeof get) => [
        status,
        ...["content-type", "content-length", "cache-control", "vary"].map((name) => headers.get(name)),
      ];
      assert.deepEqual(fields(head), fields(get));
    });
  }
});
