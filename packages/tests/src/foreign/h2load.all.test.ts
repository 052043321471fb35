import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { create, toBinary } from "@bufbuild/protobuf";
import { enveloped } from "@confab/contract";
import { ChatMessageSchema } from "@confab/contract/gen/confab/v1/message_pb";
import { mustRun } from "../fixture/run-program.js";
import { startServerProcess } from "../fixture/server-process.js";
import { requirePart } from "../optional-parts.js";

// `h2load`, an HTTP/2 client in C that keeps forty gRPC calls in flight.

test("h2load's two thousand gRPC sends all succeed, and the room holds each of them", async (t) => {
  const h2load = requirePart(t, "h2load");
  if (h2load === undefined) return;
  const server = await startServerProcess();
  t.after(() => server.stop());
  const folder = await mkdtemp(join(tmpdir(), "confab-h2load-"));
  t.after(() => rm(folder, { recursive: true }));
  const message = toBinary(ChatMessageSchema, create(ChatMessageSchema, { user: "ada", text: "hello", room: "load" }));
  await writeFile(join(folder, "body"), enveloped(0, message));

  const report = await mustRun(h2load, [
    ...["-n", "2000", "-c", "4", "-m", "10", "-d", join(folder, "body")],
    ...["-H", "content-type: application/grpc", "-H", "te: trailers"],
    `${server.url}/confab.v1.ChatService/SendMessage`,
  ]);
  assert.match(report, /2000 total, 2000 started, 2000 done, 2000 succeeded, 0 failed, 0 errored, 0 timeout/);
  assert.match(report, /status codes: 2000 2xx/);

  // A refused call would be an HTTP success, too: the log is what counts.
  const response = await fetch(`${server.url}/v1/rooms/load/messages?limit=1`);
  const { newest } = (await response.json()) as { newest?: { offset?: string } };
  assert.equal(newest?.offset, "2000");
});
