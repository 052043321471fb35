import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type ServerHttp2Stream } from "node:http2";
import type { AddressInfo } from "node:net";
import { type TestContext, test } from "node:test";
import { fromBinary } from "@bufbuild/protobuf";
import { ChatMessageSchema } from "@confab/contract/gen/confab/v1/message_pb";
import { filledRoom, fillLog } from "./fill-log.js";
import { grpcEnvelope, grpcPrefixBytes } from "./grpc-calls.js";

/** Takes messages over gRPC; refuses those for which `isRefused` says so. */
async function openServer(context: TestContext, isRefused: (nth: number) => boolean) {
  const stored = new Map<string, number>();
  let sent = 0;
  const server = createServer({ settings: { maxConcurrentStreams: 1_000 } });
  server.on("stream", (stream: ServerHttp2Stream) => {
    stream.on("error", () => undefined);
    const chunks: Buffer[] = [];
    stream.on("data", (chunk: Buffer) => chunks.push(chunk));
    stream.on("end", () => {
      const { room } = fromBinary(ChatMessageSchema, Buffer.concat(chunks).subarray(grpcPrefixBytes));
      const refuses = isRefused(sent++);
      if (!refuses) stored.set(room, (stored.get(room) ?? 0) + 1);
      stream.respond({ ":status": 200 }, { waitForTrailers: true });
      stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": refuses ? "8" : "0" }));
      if (refuses) stream.end();
      else stream.end(grpcEnvelope(Buffer.alloc(0)));
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  context.after(() => server.close());
  return { stored, port: (server.address() as AddressInfo).port };
}

test("rooms get as many messages each, more than fit into the first window", async (context) => {
  const { stored, port } = await openServer(context, () => false);
  const result = await fillLog({ port, messages: 3_000, rooms: 3, timeoutMs: 30_000 });
  assert.equal(result.stored, 3_000);
  assert.deepEqual(Object.fromEntries(stored), {
    [filledRoom(0)]: 1_000,
    [filledRoom(1)]: 1_000,
    [filledRoom(2)]: 1_000,
  });
});

test("a message that is refused fails the load", async (context) => {
  const { port } = await openServer(context, (nth) => nth === 100);
  await assert.rejects(
    fillLog({ port, messages: 3_000, rooms: 3, timeoutMs: 30_000 }),
    /SendMessage on stream \d+ failed/,
  );
});
