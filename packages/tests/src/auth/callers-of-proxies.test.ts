import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { startServer } from "@confab/server/testing/start-server";

// On loopback, without a key and without a proxy, callers are this machine's and are not counted.
for (const [what, trustedProxies, isCounted] of [
  ["behind a trusted proxy are counted by their addresses, also without a key", ["loopback"], true],
  ["of this machine are not counted", [], false],
] as const) {
  test(`callers ${what}`, async (t) => {
    const dataDir = await mkdtemp(join(tmpdir(), "confab-proxied-"));
    t.after(() => rm(dataDir, { recursive: true, force: true }));
    const server = await startServer({
      port: 0,
      engine: { kind: "embedded", dataDir, durability: "os" },
      allowAnyone: true,
      trustedProxies,
      limits: { maxRoomsCreatedPerHourByAddress: 1 },
    });
    t.after(() => server.close());
    const create = async (room: string, address: string) => {
      const headers = { "content-type": "application/json", "x-forwarded-for": address };
      const body = JSON.stringify({ user: "ann", text: "hi" });
      const { status } = await fetch(`${server.url}/v1/rooms/${room}/messages`, { method: "POST", headers, body });
      return status;
    };
    const statuses = [await create("a", "192.0.2.1"), await create("b", "192.0.2.1"), await create("c", "192.0.2.2")];
    assert.deepEqual(statuses, [200, isCounted ? 429 : 200, 200]);
  });
}
