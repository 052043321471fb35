import assert from "node:assert/strict";
import { test } from "node:test";
import { ConfabError } from "@confab/contract";
import { Client } from "./client.js";
import type { ConnectOptions } from "./options.js";
import { FakeServer } from "./testing/fake-server.js";
import { ManualClock, settled } from "./testing/manual-clock.js";
import type { AskToken } from "./token-source.js";

const hourMs = 3_600_000;

function connected(makeToken: (clock: ManualClock) => AskToken, options: Partial<ConnectOptions> = {}) {
  const [server, clock] = [new FakeServer(), new ManualClock()];
  const platform = { transports: ["websocket-proto"] as const, openLink: server.openLink.bind(server) };
  const token = makeToken(clock);
  const client = new Client({ url: "http://a", random: () => 0.5, clock, token, ...options }, platform);
  const failures: string[] = [];
  client.on("tokenFailed", ({ message }) => failures.push(message));
  return { server, clock, client, failures };
}

/** Tokens named by their number, each good for an hour from when it is asked for. */
const hourly = (clock: ManualClock): AskToken => {
  let asked = 0;
  return () => ({ token: `token ${++asked}`, expiresAtMs: clock.unixMs() + hourMs });
};

test("a token is replaced a minute before it expires, over the same connection, and so is the next", async () => {
  const { server, clock, failures } = connected(hourly);
  await clock.pass(hourMs - 61_000);
  assert.deepEqual(server.last.tokens, []);
  await clock.pass(2_000);
  assert.deepEqual(server.last.tokens, ["token 2"]);
  await clock.pass(hourMs);
  assert.deepEqual(server.last.tokens, ["token 2", "token 3"]);
  assert.deepEqual([server.links.length, failures], [1, []]);
});

test("a token with little time is replaced after half of it", async () => {
  const shortly = (clock: ManualClock) => () => ({ token: "t", expiresAtMs: clock.unixMs() + 10_000 });
  const { server, clock } = connected(shortly);
  await clock.pass(4_000);
  assert.equal(server.last.tokens.length, 0);
  await clock.pass(1_500);
  assert.equal(server.last.tokens.length, 1);
});

test("a JWT says itself when it expires", async () => {
  const jwt = (clock: ManualClock) => () => {
    const claims = Buffer.from(JSON.stringify({ sub: "ünna", exp: clock.unixMs() / 1_000 + 3_600 }));
    return `e30.${claims.toString("base64url")}.c2ln`;
  };
  const { server, clock } = connected(jwt);
  await clock.pass(hourMs);
  assert.equal(server.last.tokens.length, 1);
});

for (const token of ["opaque", "a.b.c", "e30.e30.e30", "..", "e30.bm8.e30"]) {
  test(`${token}, which says nothing of its end, is not replaced`, async () => {
    const { server, clock, failures } = connected(() => () => token);
    await clock.pass(100 * hourMs);
    assert.deepEqual([server.last.tokens, failures, clock.waiting], [[], [], 0]);
  });
}

test("a token that is good for a year waits for its time, and no timer overflows", async () => {
  const yearMs = 365 * 24 * hourMs;
  const { server, clock } = connected((clock) => () => ({ token: "t", expiresAtMs: clock.unixMs() + yearMs }));
  await clock.pass(yearMs - 120_000);
  assert.equal(server.last.tokens.length, 0);
  await clock.pass(61_000);
  assert.equal(server.last.tokens.length, 1);
});

test("a callback that hangs is given up after tokenTimeoutMs, told of, and asked again", async () => {
  let asked = 0;
  const hangsOnce = () => () => (++asked === 1 ? new Promise<string>(() => undefined) : "good");
  const { server, clock, client, failures } = connected(hangsOnce, { tokenTimeoutMs: 2_000 });
  await clock.pass(1_999);
  assert.equal(client.state.name, "connecting");
  await clock.pass(5_000);
  assert.equal(client.state.name, "live");
  assert.equal(server.last.options.token, "good");
  assert.deepEqual(failures, ["no token: the token callback did not answer within 2000 ms (tokenTimeoutMs)"]);
});

test("while no new token can be had, the connection stays and the callback is asked again, after longer and longer", async () => {
  let asked = 0;
  const failing = (clock: ManualClock) => () => {
    asked++;
    if (asked > 1 && asked < 5) throw new Error("the issuer is down");
    return { token: `token ${asked}`, expiresAtMs: clock.unixMs() + hourMs };
  };
  const { server, clock, client, failures } = connected(failing);
  await clock.pass(hourMs - 59_000);
  assert.deepEqual(failures.slice(0, 1), ["no token: the issuer is down"]);
  assert.equal(client.state.name, "live");
  await clock.pass(10_000);
  assert.deepEqual([failures.length, server.links.length, server.last.tokens], [3, 1, ["token 5"]]);
});

test("a new token that the server refuses is told of, and another one is asked for", async () => {
  const { server, clock, failures } = connected(hourly);
  await settled();
  server.last.tokenErrors.push(new ConfabError("UNAUTHENTICATED", "signed with another key"));
  await clock.pass(hourMs - 50_000);
  assert.deepEqual(failures, ["signed with another key"]);
  assert.deepEqual(server.last.tokens, ["token 2", "token 3"]);
});

test("a callback that gives the same token again and again is not asked in a tight loop", async () => {
  let asked = 0;
  const cached = (clock: ManualClock) => {
    const expiresAtMs = clock.unixMs() + hourMs;
    return () => ({ token: `${++asked}`, expiresAtMs });
  };
  const { clock, failures } = connected(cached);
  await clock.pass(hourMs);
  assert.match(failures[0] ?? "", /expires no later than the last one/);
  assert.ok(asked < 12, `${asked} times`);
});

test("a lost connection and a closed client take back what waits for a token's end", async () => {
  const { server, clock, client } = connected(hourly);
  await clock.pass(10_000);
  server.last.drop();
  await clock.pass(10_000);
  assert.equal(server.last.options.token, "token 2");
  assert.equal(clock.waiting, 1);
  client.close();
  assert.equal(clock.waiting, 0);
});
