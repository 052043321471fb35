import assert from "node:assert/strict";
import { once } from "node:events";
import { type TestContext, test } from "node:test";
import WebSocket from "ws";
import { newTestKey } from "../auth/testing/tokens.js";
import { webSocketUrl } from "../auth/testing/ways.js";
import { type ServerProcess, startServerProcess } from "../fixture/server-process.js";
import { redisFor } from "../redis/testing/redis-for.js";
import { Administrator, type ConnectionsPage } from "./testing/administrator.js";

// What operators see and end over several nodes, on a real Redis.

/** For what takes milliseconds, on a busy machine. */
const patienceMs = 30_000;

/** Three nodes on one Redis, and an operator of each; undefined: this machine has no Redis. */
async function threeNodes(t: TestContext) {
  const redis = await redisFor(t);
  if (!redis) return undefined;
  const key = newTestKey();
  t.after(() => key.remove());
  const auth = { keyFiles: [key.file] };
  const engine = { kind: "redis", url: redis.url } as const;
  // Callers without a token give their names themselves, and are found by them.
  const flags = { engine, auth, allowAnyone: true, limits: { nodeTimeoutMs: 3_000 } };
  const servers = await Promise.all([0, 1, 2].map(() => startServerProcess({ flags })));
  for (const server of servers) t.after(() => server.stop());
  const token = await key.token({ sub: "root", "confab.rooms": [{ pattern: "*", can: ["admin"] }] });
  const shown = { authorization: `Bearer ${token}` };
  const admins = servers.map(({ url }) => new Administrator(url, shown));
  const [admin] = admins;
  const [one, two, three] = servers;
  assert.ok(admin && one && two && three);
  await until(async () => (await admin.list({})).silentNodes === undefined);
  return { servers: [one, two, three] as const, admins, admin };
}

async function until(isSo: () => Promise<boolean>): Promise<void> {
  const endMs = Date.now() + patienceMs;
  while (!(await isSo())) {
    assert.ok(Date.now() < endMs, "it did not come about");
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** A plain WebSocket that reads as a user; resolves with its close code and reason. */
function reading({ url }: ServerProcess, user: string): Promise<string> {
  const socket = new WebSocket(`${webSocketUrl(url)}?room=den&name=${user}`);
  return once(socket, "close").then(([code, reason]) => `${code} ${String(reason)}`);
}

async function allPages(admin: Administrator, query: Readonly<Record<string, string>>): Promise<ConnectionsPage[]> {
  const pages: ConnectionsPage[] = [];
  for (let page = ""; ; ) {
    const found = await admin.list({ ...query, page });
    pages.push(found);
    page = found.nextPage ?? "";
    if (page === "") return pages;
  }
}

test("connections of all nodes are listed by every node, in pages, and ended by any", async (t) => {
  const nodes = await threeNodes(t);
  if (!nodes) return;
  const { servers, admins, admin } = nodes;
  const ann = servers.flatMap((server) => [reading(server, "~ann"), reading(server, "~ann")]);
  const bob = servers.map((server) => reading(server, "~bob"));
  await admin.untilReading("~ann", 6);
  await admin.untilReading("~bob", 3);
  const [first] = await allPages(admin, { user: "~ann" });
  const ids = first?.connections.map(({ id }) => id);
  const names = first?.connections.map(({ node }) => node) ?? [];
  assert.deepEqual([new Set(ids).size, new Set(names).size], [6, 3]);
  assert.deepEqual(names, [...names].sort());
  for (const [index, other] of admins.entries()) {
    const pages = await allPages(other, { user: "~ann", limit: String(index + 1) });
    assert.deepEqual(
      pages.flatMap(({ connections }) => connections.map(({ id }) => id)),
      ids,
    );
    assert.ok(pages.every(({ total }) => total === 6));
  }
  const startedMs = performance.now();
  assert.deepEqual(await admins[1]?.disconnect({ user: "~ann", reason: "go" }), { connections: 6 });
  assert.deepEqual(new Set(await Promise.all(ann)), new Set(["4005 DISCONNECTED: go"]));
  t.diagnostic(`six connections on three nodes had ended after ${(performance.now() - startedMs).toFixed(0)} ms`);
  const [one] = (await admin.list({ user: "~bob" })).connections;
  assert.deepEqual(await admins[2]?.disconnect({ connection: one?.id }), { connections: 1 });
  await admin.untilReading("~bob", 2);
  await admin.disconnect({ user: "~bob" });
  await Promise.all(bob);
});

test("a node that does not answer is named, the others do what is asked, and it does so when it wakes", async (t) => {
  const nodes = await threeNodes(t);
  if (!nodes) return;
  const { servers, admin } = nodes;
  const [, , stopped] = servers;
  const endings = servers.map((server) => reading(server, "~ann"));
  await admin.untilReading("~ann", 3);
  const { connections } = await admin.list({ user: "~ann" });
  stopped.signal("SIGSTOP");
  t.after(() => stopped.signal("SIGCONT"));
  const { connections: left, silentNodes } = await admin.list({ user: "~ann" });
  const names = left.map(({ node }) => node);
  const silent = connections.flatMap(({ node = "" }) => (names.includes(node) ? [] : [node]));
  assert.deepEqual([left.length, silentNodes], [2, silent.map((node) => ({ node }))]);
  const refused = await admin.disconnect({ user: "~ann" }).catch((error: unknown) => error as Error);
  assert.ok(refused instanceof Error && "code" in refused);
  assert.equal(refused.code, "OUTCOME_UNKNOWN");
  assert.ok(refused.message.includes(silent[0] ?? "?"), refused.message);
  assert.match(refused.message, /^2 connections were ended/);
  const gone = (index: number) => endings[index]?.then((ending) => ending.split(":")[0]);
  assert.deepEqual([await gone(0), await gone(1)], ["4005 DISCONNECTED", "4005 DISCONNECTED"]);
  stopped.signal("SIGCONT");
  assert.equal(await gone(2), "4005 DISCONNECTED");
  // It has much to do now, and may still be late for a question.
  await until(async () => {
    const answered = await admin.disconnect({ user: "~ann" }).catch(() => undefined);
    if (answered) assert.deepEqual(answered, {});
    return answered !== undefined;
  });
});

test("a node that was killed is silent until the others know that it is dead", async (t) => {
  const nodes = await threeNodes(t);
  if (!nodes) return;
  const { servers, admin } = nodes;
  const endings = servers.map((server) => reading(server, "~ann"));
  await admin.untilReading("~ann", 3);
  await servers[1].kill("SIGKILL");
  await assert.rejects(admin.disconnect({ user: "~ann" }), { code: "OUTCOME_UNKNOWN" });
  await Promise.all(endings);
  await until(async () => (await admin.list({})).silentNodes === undefined);
  assert.deepEqual(await admin.disconnect({ user: "~ann" }), {});
});
