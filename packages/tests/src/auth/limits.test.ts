import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Limits } from "@confab/contract";
import { type ServerProcess, startServerProcess } from "../fixture/server-process.js";
import { streams } from "./testing/streams.js";
import { newTestKey } from "./testing/tokens.js";
import { allWays, type Shown, type Way } from "./testing/ways.js";

// The limits of one caller have the same effect on every transport. With a limit of one a second, requests are made until one
// is refused: on a busy machine more than a second may pass between two of them.

const key = newTestKey();
const can = ["read", "send", "signal", "history", "members", "list", "create", "send-as"];
let users = 0;

/** A token of a user that has done nothing yet. */
async function newcomer(): Promise<Shown> {
  const token = await key.token({ sub: `user-${++users}`, "confab.rooms": [{ pattern: "*", can }] });
  return { authorization: `Bearer ${token}` };
}

async function serverWith(limits: Partial<Limits>): Promise<ServerProcess> {
  return startServerProcess({ flags: { auth: { keyFiles: [key.file] }, durability: "os", limits } });
}

const maxRequests = 50;

/** What each way answers to the first request that is not done; the very first is done. */
async function refusals(server: ServerProcess, ways: readonly Way[]): Promise<Record<string, number>> {
  const answers: Record<string, number> = {};
  assert.ok(ways.length >= 8);
  for (const { name, ask } of ways) {
    const shown = await newcomer();
    assert.equal(await ask(server.url, shown), "done", name);
    let answer = "done";
    for (let count = 0; answer === "done" && count < maxRequests; count++) answer = await ask(server.url, shown);
    answers[answer] = (answers[answer] ?? 0) + 1;
  }
  return answers;
}

let strict: ServerProcess;
let narrow: ServerProcess;
before(async () => {
  strict = await serverWith({
    maxSendsPerSecondByUser: 1,
    maxSignalsPerSecondByUser: 1,
    maxReadUnitsPerSecondByUser: 1,
  });
  narrow = await serverWith({ maxConnectionsByUser: 1, maxRoomsCreatedPerHourByUser: 1 });
  for (const server of [strict, narrow]) await post(server, "den", await newcomer());
});
after(async () => {
  await strict.stop();
  await narrow.stop();
  key.remove();
});

async function post(server: ServerProcess, room: string, shown: Shown): Promise<Response> {
  const headers = { "content-type": "application/json", ...shown };
  return fetch(`${server.url}/v1/rooms/${room}/messages`, { method: "POST", headers, body: '{"text":"hi"}' });
}

for (const [what, pattern] of [
  ["sends", /^SendMessage|^send on|^POST .*room}\/messages$/],
  ["signals", /^SendSignal|^signal on|^POST .*signals$/],
  ["pages of history", /^GetHistory|^history on|^GET .*messages$/],
  [
    "lists of rooms and members",
    /^ListRooms|^ListMembers|^GET \/v1\/rooms$|^ListReadMarks|^GET .*members$|^GET .*marks$/,
  ],
] as const) {
  test(`${what} past the limit of their user are refused with RATE_LIMITED on every transport`, async () => {
    const ways = allWays().filter(({ name }) => pattern.test(name));
    assert.deepEqual(await refusals(strict, ways), { RATE_LIMITED: ways.length });
  });
}

test("the error says how long to wait, and after that time it is done", async () => {
  const shown = await newcomer();
  let refused = await post(strict, "den", shown);
  assert.equal(refused.status, 200);
  for (let count = 0; refused.status === 200 && count < maxRequests; count++)
    refused = await post(strict, "den", shown);
  const { error } = (await refused.json()) as { error: { message: string; retryAfter: string } };
  assert.deepEqual([refused.status, refused.headers.get("retry-after")], [429, "1"]);
  assert.match(error.message, /^user user-\d+ has used up its sends; maxSendsPerSecondByUser is 1$/);
  await new Promise((resolve) => setTimeout(resolve, Number.parseFloat(error.retryAfter) * 1_000 + 50));
  assert.equal((await post(strict, "den", shown)).status, 200);
});

test("rooms are created as often as maxRoomsCreatedPerHourByUser says; those that exist may be written to", async () => {
  const shown = await newcomer();
  const send = async (room: string) => (await post(narrow, room, shown)).status;
  assert.deepEqual(
    [await send("mine-1"), await send("mine-2"), await send("mine-1"), await send("den")],
    [200, 429, 200, 200],
  );
});

test("connections and streams past maxConnectionsByUser are refused with TOO_MANY_CONNECTIONS on every transport", async () => {
  for (const [name, second] of streams) {
    const shown = await newcomer();
    const open = new AbortController();
    const first = await fetch(`${narrow.url}/v1/rooms/den/stream`, { headers: shown, signal: open.signal });
    assert.equal(first.status, 200);
    assert.equal(await second(narrow.url, shown), "TOO_MANY_CONNECTIONS", name);
    open.abort();
  }
});
