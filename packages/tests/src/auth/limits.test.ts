import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Limits } from "@confab/contract";
import { type ServerProcess, startServerProcess } from "../fixture/server-process.js";
import { streams } from "./testing/streams.js";
import { newTestKey } from "./testing/tokens.js";
import { allWays, type Shown, type Way } from "./testing/ways.js";

// The limits of one caller have the same effect on every transport. A limit of one a second, and two requests at once.

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

/** What each way answers to the second of two requests; the first is done. */
async function secondAnswers(server: ServerProcess, ways: readonly Way[]): Promise<Record<string, number>> {
  const answers: Record<string, number> = {};
  assert.ok(ways.length >= 8);
  for (const { name, ask } of ways) {
    const shown = await newcomer();
    assert.equal(await ask(server.url, shown), "done", name);
    const second = await ask(server.url, shown);
    answers[second] = (answers[second] ?? 0) + 1;
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
    maxRoomsCreatedPerHourByUser: 1,
  });
  narrow = await serverWith({ maxConnectionsByUser: 1 });
  await post("den", await newcomer());
});
after(async () => {
  await strict.stop();
  await narrow.stop();
  key.remove();
});

async function post(room: string, shown: Shown): Promise<Response> {
  const headers = { "content-type": "application/json", ...shown };
  return fetch(`${strict.url}/v1/rooms/${room}/messages`, { method: "POST", headers, body: '{"text":"hi"}' });
}

for (const [what, pattern] of [
  ["sends", /^SendMessage|^send on|^POST .*messages$/],
  ["signals", /^SendSignal|^signal on|^POST .*signals$/],
  ["pages of history", /^GetHistory|^history on|^GET .*messages$/],
  ["lists of rooms and members", /^ListRooms|^ListMembers|^GET \/v1\/rooms$|^GET .*members$/],
] as const) {
  test(`${what} past the limit of their user are refused with RATE_LIMITED on every transport`, async () => {
    const ways = allWays().filter(({ name }) => pattern.test(name));
    assert.deepEqual(await secondAnswers(strict, ways), { RATE_LIMITED: ways.length });
  });
}

test("the error says how long to wait, and after that time it is done", async () => {
  const shown = await newcomer();
  assert.equal((await post("den", shown)).status, 200);
  const refused = await post("den", shown);
  const { error } = (await refused.json()) as { error: { message: string; retryAfter: string } };
  assert.deepEqual([refused.status, refused.headers.get("retry-after")], [429, "1"]);
  assert.match(error.message, /^user user-\d+ has used up its sends; maxSendsPerSecondByUser is 1$/);
  await new Promise((resolve) => setTimeout(resolve, Number.parseFloat(error.retryAfter) * 1_000 + 50));
  assert.equal((await post("den", shown)).status, 200);
});

test("rooms are created as often as maxRoomsCreatedPerHourByUser says; those that exist may be written to", async () => {
  const shown = await newcomer();
  const send = async (room: string) => {
    const reply = await post(room, shown);
    // The other limit, of one send a second, is not meant here.
    await new Promise((resolve) => setTimeout(resolve, 1_050));
    return reply.status;
  };
  assert.deepEqual(
    [await send("mine-1"), await send("mine-2"), await send("mine-1"), await send("den")],
    [200, 429, 200, 200],
  );
});

test("connections and streams past maxConnectionsByUser are refused with TOO_MANY_CONNECTIONS on every transport", async () => {
  for (const [name] of streams) {
    const shown = await newcomer();
    const open = new AbortController();
    const first = await fetch(`${narrow.url}/v1/rooms/den/stream`, { headers: shown, signal: open.signal });
    assert.equal(first.status, 200);
    const second = streams.find(([other]) => other === name)?.[1] ?? assert.fail();
    assert.equal(await second(narrow.url, shown), "TOO_MANY_CONNECTIONS", name);
    open.abort();
  }
});
