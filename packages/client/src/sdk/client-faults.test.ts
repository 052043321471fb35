import assert from "node:assert/strict";
import { getEventListeners } from "node:events";
import { test } from "node:test";
import { ConfabError } from "@confab/contract";
import { isNetworkFailure } from "../network-failure.js";
import { Client } from "./client.js";
import { FakeServer } from "./testing/fake-server.js";
import { settled } from "./testing/manual-clock.js";

/** A client whose platform or converter fails as no link does on purpose. */
function clientOn(server: FakeServer, broken: Partial<ReturnType<FakeServer["openLink"]>> = {}) {
  const openLink: typeof server.openLink = (...args) => Object.assign(server.openLink(...args), broken);
  return new Client({ url: "http://a", user: "ann" }, { transports: ["websocket-proto"], openLink });
}

/** What engines say of a global that they do not have. */
const missing = () => {
  throw new ReferenceError("WebSocket is not defined");
};

function isItsOwn(error: unknown): boolean {
  assert.ok(error instanceof ConfabError);
  assert.deepEqual([error.code, isNetworkFailure(error)], ["INTERNAL", false]);
  assert.equal(error.message, "the client failed: WebSocket is not defined");
  return true;
}

// A browser without AbortSignal.any connected for ever, with "internal error" as the reason.
test("a client that its platform keeps from connecting closes, and says what failed", async () => {
  const client = clientOn(new FakeServer(), { open: missing });
  const send = client.room("r").send("hi");
  await assert.rejects(send, isItsOwn);
  assert.equal(client.state.name, "closed");
  assert.ok(client.state.name === "closed" && isItsOwn(client.state.error));
});

test("a send that fails in the client is rejected with the reason, and the client goes on", async () => {
  const client = clientOn(new FakeServer(), { send: missing });
  await assert.rejects(client.room("r").send("hi"), isItsOwn);
  assert.equal(client.state.name, "live");
  client.close();
});

test("a reading that fails in the client ends with the reason, and the client goes on", async () => {
  const client = clientOn(new FakeServer(), { listen: missing });
  assert.ok(isItsOwn(await client.room("r").subscribe(() => undefined).ended));
  assert.equal(client.state.name, "live");
  client.close();
});

test("a question that fails in the client is rejected with the reason", async () => {
  const client = clientOn(new FakeServer(), { rooms: missing });
  await assert.rejects(client.rooms(), isItsOwn);
  client.close();
});

test("one signal for everything that an application does has one listener, and none at the end", async () => {
  const server = new FakeServer();
  const client = clientOn(server);
  const controller = new AbortController();
  const { signal } = controller;
  const room = client.room("r");
  const outcomes = Array.from({ length: 12 }, () => [
    room.send("hi", { signal }).catch(() => undefined),
    room.history({}, { signal }),
    room.members({}, { signal }),
    client.rooms({}, { signal }).catch(() => undefined),
    room.subscribe(() => undefined, { signal }).ended,
    room.messages({ signal })[Symbol.asyncIterator]().next(),
    (room.signals({ signal }) as AsyncGenerator).next(),
    (room.presence({ signal }) as AsyncGenerator).next(),
  ]);
  assert.equal(getEventListeners(signal, "abort").length, 1);
  await settled();
  assert.equal(getEventListeners(signal, "abort").length, 1);
  // The fake server answers these when it is told to.
  for (const answer of server.membersAsked) answer({ members: [], nextPage: "", total: 0 });
  controller.abort();
  await Promise.all(outcomes.flat());
  assert.equal(getEventListeners(signal, "abort").length, 0);
  client.close();
});
