import assert from "node:assert/strict";
import { test } from "node:test";
import { ConfabError } from "@confab/contract";
import { networkFailure, transportBlocked } from "../network-failure.js";
import { withReconnectWindow } from "../reconnect-advice.js";
import { Client } from "./client.js";
import type { ConnectOptions } from "./options.js";
import { FakeServer } from "./testing/fake-server.js";
import { ManualClock, settled } from "./testing/manual-clock.js";

const down = () => networkFailure("ENGINE_UNAVAILABLE", "down");

function connected(options: Partial<ConnectOptions> = {}, random = 0.5) {
  const [server, clock] = [new FakeServer(), new ManualClock()];
  const states: string[] = [];
  const platform = {
    transports: ["websocket-proto", "sse", "connect"] as const,
    openLink: server.openLink.bind(server),
  };
  const open = () => {
    const client = new Client({ url: "http://a", random: () => random, clock, ...options }, platform);
    client.on("state", (state) =>
      states.push(
        state.name === "reconnecting"
          ? `reconnecting ${state.attempt} in ${state.delayMs}`
          : state.name === "live"
            ? `live on ${state.transport}`
            : state.name,
      ),
    );
    return client;
  };
  return { server, clock, states, open };
}

test("a client that cannot connect waits longer each time, up to the bound, and then is live", async () => {
  const { server, clock, states, open } = connected({ reconnect: { firstDelayMs: 100, maxDelayMs: 300 } });
  server.openErrors.push(down(), down(), down());
  const client = open();
  assert.deepEqual(client.state, { name: "connecting" });
  await clock.pass(1_000);
  // Half of 200, of 300 and of 300: each wait is `random` of a bound that doubles.
  assert.deepEqual(states, [
    "reconnecting 2 in 100",
    "reconnecting 3 in 150",
    "reconnecting 4 in 150",
    "live on websocket-proto",
  ]);
});

test("waits are anywhere between nothing and the bound", async () => {
  for (const [random, delayMs] of [
    [0, 0],
    [0.999, 999],
  ] as const) {
    const { server, states, open } = connected({}, random);
    server.openErrors.push(down());
    open();
    await settled();
    assert.deepEqual(states, [`reconnecting 2 in ${delayMs}`]);
  }
});

test("the waits begin anew only after a connection that held for a while", async () => {
  const { server, clock, states, open } = connected({ reconnect: { stableAfterMs: 1_000, firstDelayMs: 100 } });
  server.openErrors.push(down(), down());
  open();
  await clock.pass(500);
  server.last.drop();
  await clock.pass(2_000);
  server.last.drop();
  assert.deepEqual(states.slice(2), [
    "live on websocket-proto",
    "reconnecting 3 in 200",
    "live on websocket-proto",
    "reconnecting 1 in 50",
  ]);
});

test("a goodbye's window is where the first attempt falls, and a time to wait goes in front", async () => {
  const { server, clock, states, open } = connected();
  open();
  await clock.pass(10_000);
  const reason = new ConfabError("SHUTTING_DOWN", "stopping", { retryAfterMs: 3_000 });
  server.last.drop(withReconnectWindow(reason, 3_000));
  await clock.pass(10_000);
  server.last.drop(reason);
  assert.deepEqual(states, [
    "live on websocket-proto",
    "reconnecting 1 in 1500",
    "live on websocket-proto",
    "reconnecting 1 in 3250",
  ]);
});

test("a close that says not to come back closes the client, and what waits hears why", async () => {
  const { server, states, open } = connected();
  const client = open();
  await settled();
  const send = client.room("r").send("hi");
  const { ended } = client.room("r").subscribe(() => undefined);
  await settled();
  server.last.drop(new ConfabError("PERMISSION_DENIED", "banned"));
  await assert.rejects(send, { code: "PERMISSION_DENIED" });
  assert.equal(((await ended) as ConfabError).code, "PERMISSION_DENIED");
  await assert.rejects(client.room("r").send("again"), { code: "PERMISSION_DENIED" });
  await assert.rejects(client.rooms(), { code: "PERMISSION_DENIED" });
  assert.deepEqual(states, ["live on websocket-proto", "closed"]);
});

test("a server that is not Confab is a final error, in words for whoever typed the URL", async () => {
  const { server, clock, open } = connected();
  server.openErrors.push(new ConfabError("UNKNOWN_PATH", "the server answered HTTP 404"));
  const client = open();
  await assert.rejects(client.room("r").send("hi"), {
    code: "PROTOCOL_VIOLATION",
    message: "http://a does not answer as a Confab server does: the server answered HTTP 404",
  });
  assert.equal(clock.waiting, 0);
});

test("a page of somebody else's in place of a server that was there is waited out", async () => {
  const { server, clock, states, open } = connected();
  open();
  await clock.pass(10_000);
  server.openErrors.push(new ConfabError("UNKNOWN_PATH", "the server answered HTTP 404"));
  server.last.drop();
  await clock.pass(10_000);
  assert.deepEqual(states.slice(1), ["reconnecting 1 in 250", "reconnecting 2 in 500", "live on websocket-proto"]);
});

test("it gives up after maxAttempts", async () => {
  const { server, clock, states, open } = connected({ reconnect: { maxAttempts: 1 } });
  server.openErrors.push(down(), down());
  const client = open();
  await clock.pass(10_000);
  assert.deepEqual(states, ["reconnecting 2 in 500", "closed"]);
  await assert.rejects(client.rooms(), { code: "ENGINE_UNAVAILABLE" });
});

test("a blocked transport is left for the next at once; a server that is down is no reason to leave it", async () => {
  const { server, clock, states, open } = connected();
  server.openErrors.push(down(), transportBlocked(down()), down());
  open();
  await clock.pass(10_000);
  assert.deepEqual(states, ["reconnecting 2 in 500", "live on connect"]);
  assert.deepEqual(
    server.links.map(({ transport }) => transport),
    ["websocket-proto", "websocket-proto", "sse", "connect"],
  );
});

test("a token is asked for before each attempt, and one that expired is replaced", async () => {
  let asked = 0;
  const token = async () => {
    asked++;
    if (asked === 2) throw new Error("the token server is down");
    return `token ${asked}`;
  };
  const { server, clock, states, open } = connected({ token, reconnect: { stableAfterMs: 1_000 } });
  open();
  await clock.pass(5_000);
  server.last.drop(new ConfabError("UNAUTHENTICATED", "expired"));
  await clock.pass(5_000);
  assert.deepEqual(
    server.links.map(({ options }) => options.token),
    ["token 1", "token 3"],
  );
  assert.equal(states.at(-1), "live on websocket-proto");
});

test("a token that is refused twice in a row is final", async () => {
  const { server, clock, states, open } = connected({ token: () => "bad" });
  server.openErrors.push(new ConfabError("UNAUTHENTICATED", "no"), new ConfabError("UNAUTHENTICATED", "no"));
  open();
  await clock.pass(10_000);
  assert.deepEqual(states, ["reconnecting 2 in 500", "closed"]);
});

test("closing is final, releases everything and may be repeated", async () => {
  const controller = new AbortController();
  const { server, clock, states, open } = connected({ signal: controller.signal });
  const client = open();
  await settled();
  const { ended } = client.room("r").subscribe(() => undefined);
  const send = client.room("r").send("hi");
  await settled();
  controller.abort();
  await assert.rejects(send, { code: "CANCELLED" });
  assert.equal(await ended, undefined);
  client.close();
  assert.deepEqual(states, ["live on websocket-proto", "closed"]);
  assert.deepEqual([server.last.isClosed, clock.waiting], [true, 0]);
});

test("a URL that is none is refused at once", () => {
  const { open } = connected({ url: "nowhere" });
  assert.throws(open, TypeError);
});

test("a client that fell back says from which transport and why; one that did not says nothing", async () => {
  const { server, open } = connected({ reconnect: { firstDelayMs: 100 } });
  const reason = transportBlocked(networkFailure("ENGINE_UNAVAILABLE", "the upgrade was refused"));
  server.openErrors.push(reason);
  const client = open();
  await settled();
  assert.deepEqual(client.state, {
    name: "live",
    transport: "sse",
    fallback: { from: "websocket-proto", error: reason },
  });
  const direct = connected().open();
  await settled();
  assert.deepEqual(direct.state, { name: "live", transport: "websocket-proto" });
});
