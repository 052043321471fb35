import assert from "node:assert/strict";
import { once } from "node:events";
import { type ClientHttp2Session, connect as connectHttp2 } from "node:http2";
import { connect as connectTcp } from "node:net";
import { after, before, test } from "node:test";
import { enveloped } from "@confab/contract";
import { type ServerProcess, startServerProcess } from "../fixture/server-process.js";

// A stop waited for calls that no room and no session ends, and then cut them without a status.

let server: ServerProcess;
let session: ClientHttp2Session;
before(async () => {
  server = await startServerProcess();
  session = connectHttp2(server.url);
  await once(session, "connect");
});
after(() => server.stop());

/** What a gRPC call ends with, once its client has sent these bytes and, or, its end. */
function grpcCall(path: string, bytes: Uint8Array, isWhole = false) {
  const stream = session.request({ ":method": "POST", ":path": path, "content-type": "application/grpc+proto" });
  stream.write(bytes);
  if (isWhole) stream.end();
  const status = new Promise<string>((resolve, reject) => {
    stream.on("error", reject);
    const found = (fields: Readonly<Record<string, unknown>>) => {
      const details = Buffer.from(`${fields["grpc-status-details-bin"] ?? ""}`, "base64").toString("latin1");
      if (fields["grpc-status"] !== undefined)
        resolve(`${fields["grpc-status"]} ${/[A-Z]{2,}(_[A-Z]+)+/.exec(details)?.[0]}`);
    };
    stream.on("response", found);
    stream.on("trailers", found);
    stream.on("close", () => reject(new Error(`${path} ended without a status`)));
  });
  return { stream, status };
}

const goOn = "HTTP/1.1 100 Continue\r\n\r\n";

/** What a request over HTTP/1.1 whose body stays away is answered with. The server is known to have it. */
async function unfinishedPost(path: string): Promise<{ readonly answer: Promise<string> }> {
  const socket = connectTcp(server.port, "127.0.0.1");
  let text = "";
  socket.setEncoding("utf8").on("data", (chunk: string) => {
    text += chunk;
  });
  const answer = new Promise<string>((resolve, reject) => {
    socket.on("error", reject);
    socket.on("close", () => resolve(text));
  });
  const fields = ["host: 127.0.0.1", "content-type: application/json", "content-length: 100", "expect: 100-continue"];
  socket.write(`POST ${path} HTTP/1.1\r\n${fields.join("\r\n")}\r\n\r\n`);
  while (text !== goOn) await Promise.race([once(socket, "data"), answer]);
  socket.write("{");
  return { answer };
}

test("a server that stops tells every call that waits for its client", async () => {
  const half = Uint8Array.of(0, 0, 0, 0, 9);
  const nothing = enveloped(0, new Uint8Array(0));
  const watch = grpcCall("/grpc.health.v1.Health/Watch", nothing, true);
  await once(watch.stream.resume(), "data");
  const posts = await Promise.all(
    ["/v1/rooms/lobby/messages", "/confab.v1.ChatService/SendMessage"].map(unfinishedPost),
  );
  const calls = [
    watch,
    grpcCall("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", new Uint8Array(0)),
    grpcCall("/confab.v1.ChatService/SendMessage", half),
    grpcCall("/confab.v1.ChatService/StreamMessages", half),
    grpcCall("/confab.v1.ChatService/Converse", half),
  ];
  for (const { stream } of calls) stream.resume();
  // The server is known to have them all when the last has begun.
  const last = grpcCall("/confab.v1.ChatService/StreamMessages", nothing, true);
  const [head] = (await once(last.stream.resume(), "response")) as [Readonly<Record<string, unknown>>];
  const trailers = once(last.stream, "trailers");

  await server.kill("SIGTERM");
  const statuses = await Promise.all([...calls, last].map(({ status }) => status));
  assert.deepEqual(statuses, Array(6).fill("14 SHUTTING_DOWN"));
  for (const { answer } of posts)
    assert.match((await answer).slice(goOn.length), /^HTTP\/1\.1 503 [\s\S]*SHUTTING_DOWN/);
  const [{ "confab-position": position }] = (await trailers) as [Readonly<Record<string, unknown>>];
  assert.match(`${position}`, /^\d+:\d+$/);
  assert.equal(position, head["confab-position"], "the reader goes on there");
  assert.equal(await server.exited, 0);
});
