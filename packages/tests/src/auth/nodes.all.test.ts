import assert from "node:assert/strict";
import { after, before, it } from "node:test";
import { RedisServer } from "../fixture/redis-server.js";
import { type ServerProcess, startServerProcess } from "../fixture/server-process.js";
import { describeOnRedis } from "../presence/testing/redis-nodes.js";
import { streams } from "./testing/streams.js";
import { newTestKey } from "./testing/tokens.js";
import type { Shown } from "./testing/ways.js";

const key = newTestKey();
const bearer = (token: string): Shown => ({ authorization: `Bearer ${token}` });
const rounds = 100;

/** The promise is about a second: in most rounds it must be kept, and twice that is for the machine. */
const maxMedianMs = 2_000;

/** For the slowest round, on a busy machine. */
const patienceMs = 20_000;

describeOnRedis(
  "three servers on one Redis that ask for tokens",
  () => {
    let redis: RedisServer;
    let servers: ServerProcess[];
    before(async () => {
      redis = await RedisServer.start();
      const flags = { engine: { kind: "redis", url: redis.url }, auth: { keyFiles: [key.file] } } as const;
      servers = await Promise.all([0, 1, 2].map(() => startServerProcess({ flags })));
    });
    after(async () => {
      await Promise.all(servers.map((server) => server.stop()));
      await redis.stop();
      key.remove();
    });

    async function revoke(server: ServerProcess, what: object): Promise<number> {
      const token = await key.token({ sub: "root", "confab.rooms": [{ pattern: "*", can: ["admin"] }] });
      const response = await fetch(`${server.url}/v1/admin/revocations`, {
        method: "POST",
        headers: { "content-type": "application/json", ...bearer(token) },
        body: JSON.stringify(what),
      });
      return response.status;
    }

    it(`end all that a user has open on any of them when the user is revoked on one, ${rounds} times`, async (t) => {
      // A room without a message is not listed.
      assert.equal(
        await error(servers[0] ?? assert.fail(), bearer(await key.token()), "messages", { text: "hi" }),
        "done",
      );
      const tookMs: number[] = [];
      for (let round = 0; round < rounds; round++) {
        const user = `user-${round}`;
        const shown = bearer(await key.token({ sub: user, iat: Math.floor(Date.now() / 1_000) - 1 }));
        const endings = servers.flatMap(({ url }) => streams.map(([, end]) => end(url, shown)));
        await untilReaders(shown, servers.length * streams.length);
        const startedMs = performance.now();
        const server = servers[round % servers.length] ?? assert.fail();
        assert.equal(await revoke(server, { user }), 200);
        const late = setTimeout(() => assert.fail("not all have ended"), patienceMs);
        assert.deepEqual(new Set(await Promise.all(endings)), new Set(["UNAUTHENTICATED"]));
        clearTimeout(late);
        tookMs.push(performance.now() - startedMs);
      }
      tookMs.sort((one, other) => one - other);
      const [median = 0, most = 0] = [tookMs[rounds / 2], tookMs.at(-1)];
      // One busy moment of the machine decides nothing.
      assert.ok(median < maxMedianMs, `the median round took ${median.toFixed(0)} ms`);
      t.diagnostic(
        `all had ended after ${median.toFixed(0)} ms in the median round, ${most.toFixed(0)} ms in the slowest`,
      );
    });

    /** All nodes together have this many readers of the room. */
    async function untilReaders(shown: Shown, count: number): Promise<void> {
      const server = servers[0] ?? assert.fail();
      for (;;) {
        const response = await fetch(`${server.url}/v1/rooms?prefix=den`, { headers: shown });
        const { rooms = [] } = (await response.json()) as { rooms?: { subscribers?: number }[] };
        if ((rooms[0]?.subscribers ?? 0) >= count) return;
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    }

    it("know what was revoked before they started", async () => {
      const token = await key.token({ jti: "before" });
      assert.equal(await revoke(servers[0] ?? assert.fail(), { tokenId: "before" }), 200);
      const flags = { engine: { kind: "redis", url: redis.url }, auth: { keyFiles: [key.file] } } as const;
      const late = await startServerProcess({ flags });
      const { status } = await fetch(`${late.url}/v1/rooms`, { headers: bearer(token) });
      await late.stop();
      assert.equal(status, 401);
    });

    it("judge no token while Redis has not answered for five seconds, and judge them again when it is back", async () => {
      const server = servers[0] ?? assert.fail();
      const shown = bearer(await key.token());
      const status = async () => (await fetch(`${server.url}/v1/rooms`, { headers: shown })).status;
      assert.equal(await status(), 200);
      redis.signal("SIGSTOP");
      await becomes(
        async () => (await error(server, shown)) === "ENGINE_UNAVAILABLE: what other nodes revoked cannot be read now",
      );
      redis.signal("SIGCONT");
      await becomes(async () => (await status()) === 200);
    });
  },
  900_000,
);

async function error(
  server: ServerProcess,
  shown: Shown,
  what = "signals",
  body: object = { kind: "typing" },
): Promise<string> {
  const response = await fetch(`${server.url}/v1/rooms/den/${what}`, {
    method: "POST",
    headers: { "content-type": "application/json", ...shown },
    body: JSON.stringify(body),
  });
  const { error } = (await response.json()) as { error?: { code: string; message: string } };
  return error ? `${error.code}: ${error.message}` : "done";
}

async function becomes(isSo: () => Promise<boolean>): Promise<void> {
  const endMs = Date.now() + 60_000;
  while (!(await isSo())) {
    assert.ok(Date.now() < endMs, "it did not come about");
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
