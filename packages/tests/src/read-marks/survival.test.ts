import assert from "node:assert/strict";
import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { type ServerProcess, startServerProcess } from "../fixture/server-process.js";
import { quickClient } from "../sdk/conversation.js";

const users = Array.from({ length: 8 }, (_, index) => `user-${index}`);

/** The position and the unread count of each user's mark in a room. */
async function marksOn({ url }: ServerProcess, name: string): Promise<Map<string, { offset: number; unread: number }>> {
  const client = quickClient({ url });
  try {
    const { marks } = await client.room(name).readMarks();
    return new Map(
      marks.map(({ user, position, unread }) => [user, { offset: Number(position.split(":")[1]), unread }]),
    );
  } finally {
    client.close();
  }
}

for (const durability of ["fsync", "os"] as const) {
  test(`marks that were acknowledged are there after kill -9, again and again, with durability ${durability}`, async (t) => {
    const dataDir = await mkdtemp(join(tmpdir(), "confab-marks-"));
    t.after(() => rm(dataDir, { recursive: true }));
    const known = new Map<string, number>();
    for (let round = 0; round < 3; round++) {
      const server = await startServerProcess({ dataDir, flags: { durability } });
      t.after(() => server.stop());
      const client = quickClient({ url: server.url, user: "ann" });
      t.after(() => client.close());
      const room = client.room("killed");
      const acks = await room.sendAll(Array.from({ length: 40 }, (_, index) => `${index}`));
      await room.react(acks[0]?.position ?? assert.fail(), "+1");
      let count = 0;
      const enough = new Promise<void>((resolve) => {
        const mark = async (user: string) => {
          for (const { position } of acks) {
            const marked = await room.markRead(position, { user });
            known.set(user, Number(marked?.position.split(":")[1]));
            if (++count === 100) resolve();
          }
        };
        // The client goes away with the server.
        for (const user of users) void mark(user).catch(() => undefined);
      });
      await enough;
      await server.kill("SIGKILL");
      client.close();
      const again = await startServerProcess({ dataDir, flags: { durability } });
      t.after(() => again.stop());
      const found = await marksOn(again, "killed");
      for (const [user, offset] of known) {
        const mark = found.get(user) ?? assert.fail(`${user} has no mark`);
        assert.ok(mark.offset >= offset, `${user}: ${mark.offset} after ${offset}`);
        const changes = [41, 82, 123].slice(0, round + 1).filter((change) => change > mark.offset).length;
        assert.equal(mark.unread, (round + 1) * 41 - mark.offset - changes, `${user} at ${mark.offset}`);
      }
      await again.stop();
    }
  });
}

test("a folder that was put back has its marks, by the epoch of now, and positions of before move them", async (t) => {
  const above = await mkdtemp(join(tmpdir(), "confab-marks-"));
  t.after(() => rm(above, { recursive: true }));
  const [dataDir, backup] = [join(above, "data"), join(above, "backup")];
  let server = await startServerProcess({ dataDir });
  t.after(() => server.stop());
  let client = quickClient({ url: server.url, user: "ann" });
  const acks = await client.room("r").sendAll(["1", "2", "3"]);
  const [first = assert.fail(), second = assert.fail()] = acks.map(({ position }) => position);
  await client.room("r").markRead(first);
  client.close();
  await server.stop();
  await cp(dataDir, backup, { recursive: true, preserveTimestamps: true });

  server = await startServerProcess({ dataDir });
  client = quickClient({ url: server.url, user: "ann" });
  const lost = await client.room("r").send("lost");
  await client.room("r").markRead(lost.position);
  client.close();
  await server.kill("SIGKILL");
  await rm(dataDir, { recursive: true });
  await cp(backup, dataDir, { recursive: true, preserveTimestamps: true });
  await rm(join(dataDir, "log.json"));

  server = await startServerProcess({ dataDir });
  client = quickClient({ url: server.url, user: "ann" });
  t.after(() => client.close());
  const room = client.room("r");
  const epoch = (await room.history({ limit: 1 })).newest.split(":")[0];
  assert.notEqual(epoch, first.split(":")[0]);
  const { marks } = await room.readMarks();
  assert.deepEqual(
    marks.map(({ user, position, unread }) => [user, position, unread]),
    [["ann", `${epoch}:1`, 2]],
  );
  await assert.rejects(room.markRead(lost.position), { code: "OUT_OF_RANGE" });
  const moved = await room.markRead(second);
  assert.deepEqual([moved?.position, moved?.unread], [`${epoch}:2`, 1]);
});
