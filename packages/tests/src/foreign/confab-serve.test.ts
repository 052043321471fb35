import assert from "node:assert/strict";
import { test } from "node:test";
import { status } from "@grpc/grpc-js";
import { startConfabServe } from "../fixture/server-process.js";
import { endOf, startOf, take, tutorialClient, unary } from "./grpc-js-client.js";

// The server as users start it: `confab serve`.

test("the process that confab serve starts is reached by REST and gRPC, and leaves in order", async (t) => {
  const server = await startConfabServe();
  t.after(() => server.stop());
  const client = tutorialClient(server.port);
  t.after(() => client.close());
  const stream = client.StreamMessages({ name: "bob" });
  await startOf(stream);

  const response = await fetch(`${server.url}/v1/rooms/lobby/messages`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: '{"user":"ada","text":"by REST"}',
  });
  assert.equal(response.status, 200);
  await unary(client, client.SendMessage, { user: "bob", text: "by gRPC" });
  assert.deepEqual(await take(stream, 2), [
    { user: "ada", text: "by REST" },
    { user: "bob", text: "by gRPC" },
  ]);

  const end = endOf(stream);
  await server.kill("SIGTERM");
  assert.equal(await server.exited, 0);
  // A reader of a server that stops is told to come back elsewhere.
  assert.equal((await end)?.code, status.UNAVAILABLE);
});
