import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { ConfabError } from "@confab/contract";
import { FrameClient, FrameServer } from "../testing/fake-channel.js";

// A client that sent 9,000 frames of `{` held the event loop for 0.4 s, and could do so again and again.

const limits = { maxErrors: 50, budgetWindowMs: 10_000 };
const reason = "more than 50 errors within 10000 ms (maxErrors)";
const message = { user: "ann", text: "hi" };

let server: FrameServer;
let client: FrameClient;

beforeEach(() => {
  server = new FrameServer(limits);
  client = new FrameClient(server, "json");
});

function err(times: number): void {
  for (let i = 0; i < times; i++) client.session.receive(Buffer.from("{"));
}

async function say(times: number, value: { user: string; text: string } = message): Promise<void> {
  for (let request = 1; request <= times; request++) client.say({ request, frame: { case: "send", value } });
  await server.settle();
}

function assertEnded(): void {
  const last = client.all("error").at(-1)?.value;
  assert.deepEqual([last?.code, last?.message], ["RATE_LIMITED", reason]);
  assert.match(JSON.stringify(last?.details.map(({ typeUrl }) => typeUrl)), /RetryInfo/);
  assert.deepEqual([client.channel.closedWith?.code, client.channel.closedWith?.message], ["RATE_LIMITED", reason]);
  assert.deepEqual(server.abuses, [`192.0.2.1: ${reason}`]);
}

test("as many errors as the budget has are answered, one more ends the session with RATE_LIMITED", () => {
  err(50);
  assert.deepEqual(client.errors, Array(50).fill("0 MALFORMED_MESSAGE"));
  assert.equal(client.channel.closedWith, undefined);
  err(1);
  assertEnded();
  err(10);
  assert.equal(client.errors.length, 52, "what comes after the end is not read");
});

test("messages that break the contract spend it too, and leave the rooms when it is spent", async () => {
  await client.subscribe("lobby");
  err(1);
  await say(49, { ...message, user: "" });
  assert.equal(client.channel.closedWith, undefined);
  await say(10, { ...message, user: "" });
  assertEnded();
  assert.equal(client.errors.length, 52, "what was under way is not answered");
  assert.deepEqual([...client.session.subscriptions], []);
});

test("each request that is done gives one back, and a pong gives none", async () => {
  err(50);
  await say(20);
  err(20);
  assert.equal(client.channel.closedWith, undefined);
  for (let i = 0; i < 20; i++) client.say({ frame: { case: "pong", value: {} } });
  await server.settle();
  err(1);
  assertEnded();
});

test("requests that are done before give nothing in advance", async () => {
  await say(200);
  err(51);
  assertEnded();
});

test("the budget refills over its window", () => {
  err(50);
  server.hub.timeMs += limits.budgetWindowMs / 2;
  err(25);
  assert.equal(client.channel.closedWith, undefined);
  err(1);
  assertEnded();
});

test("errors of the server cost nothing", async () => {
  for (const code of ["OVERLOADED", "ENGINE_UNAVAILABLE", "STORAGE_FULL", "OUTCOME_UNKNOWN", "INTERNAL"] as const) {
    server.hub.engine.append = () => Promise.reject(new ConfabError(code, "not now"));
    await say(60);
  }
  assert.equal(client.errors.length, 300);
  assert.equal(client.channel.closedWith, undefined);
});
