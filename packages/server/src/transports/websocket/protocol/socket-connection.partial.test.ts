import assert from "node:assert/strict";
import { once } from "node:events";
import { after, before, beforeEach, test } from "node:test";
import { ConfabError } from "@confab/contract/errors";
import { WebSocket } from "ws";
import type { PartialMessage } from "./connection.js";
import { type EchoServer, startEchoServer } from "./testing/echo-server.js";

// What a connection holds of a message that has not come whole is counted, so that the process can bound it.

let server: EchoServer;
let held: (readonly [message: PartialMessage, bytes: number])[];

before(async () => {
  server = await startEchoServer({
    partialMessages: { holdPartial: (message, bytes) => void held.push([message, bytes]) },
  });
});
after(() => server.stop());
beforeEach(() => {
  held = [];
});

const counts = () => held.map(([, bytes]) => bytes);

async function open() {
  const accepting = server.nextAccepted();
  const client = new WebSocket(server.url);
  await once(client, "open");
  return { client, accepted: await accepting };
}

async function untilHeld(count: number): Promise<void> {
  while (held.length < count) await new Promise(setImmediate);
}

test("a message in pieces is counted until it is whole; one in one piece is not counted", async () => {
  const { client } = await open();
  client.send("whole");
  await once(client, "message");
  assert.deepEqual(counts(), []);
  client.send("ab", { fin: false });
  await untilHeld(1);
  client.send("cde", { fin: false });
  await untilHeld(2);
  client.send("f");
  assert.deepEqual(String((await once(client, "message"))[0]), "abcdef");
  assert.deepEqual(counts(), [2, 5, 0]);
  client.terminate();
});

test("a part is counted no longer when its connection ends", async () => {
  const { client, accepted } = await open();
  client.send("ab", { fin: false });
  await untilHeld(1);
  client.terminate();
  await accepted.isClosed;
  assert.deepEqual(counts(), [2, 0]);
});

test("a connection whose part is too much is closed with 1013 and the reason, and holds nothing", async () => {
  const { client, accepted } = await open();
  client.send("ab", { fin: false });
  await untilHeld(1);
  held[0]?.[0].refuse(new ConfabError("OVERLOADED", "too many parts"));
  const [code, reason] = await once(client, "close");
  assert.deepEqual([code, String(reason)], [1013, "OVERLOADED: too many parts"]);
  assert.deepEqual(accepted.closings, [{ code: 1013, error: accepted.closings[0]?.error }]);
  // The counter that ended it has dropped its count.
  assert.deepEqual(counts(), [2]);
});
