import assert from "node:assert/strict";
import { test } from "node:test";
import type { RoomId } from "../../core/index.js";
import { settled } from "../../testing/manual-turns.js";
import { Keys } from "./keys.js";
import type { RedisLink } from "./redis-link.js";
import { RoomIndex } from "./room-index.js";

const lobby = "lobby" as RoomId;

/** A Redis that runs a command when the test says so; the room's record and its place in the index are all it has. */
class SlowRedis {
  isThere = true;
  isListed = true;
  private readonly waiting: (() => void)[] = [];

  readonly link = {
    send: (_key: string, [command]: readonly unknown[]) =>
      this.later(() => {
        this.isListed = command === "ZADD";
        return 1;
      }),
    run: () =>
      this.later(() => {
        this.isListed = true;
        return 1;
      }),
  } as unknown as RedisLink;

  later<T>(command: () => T): Promise<T> {
    return new Promise((resolve) => this.waiting.push(() => resolve(command())));
  }

  /** Run the command that waits at this place, or the last one; false: none waits. */
  async runOne(place: number): Promise<boolean> {
    const [command] = this.waiting.splice(Math.min(place, this.waiting.length - 1), 1);
    command?.();
    await settled();
    return command !== undefined;
  }
}

/** One node removes the room while another one makes it again. `choices`: whose command is next, 0 or 1, as long as both have one. */
async function race(choices: readonly number[]): Promise<SlowRedis> {
  const redis = new SlowRedis();
  const [remover, maker] = [1, 2].map(() => new RoomIndex(redis.link, new Keys("confab"), 10));
  const remove = async () => {
    await redis.later(() => {
      redis.isThere = false;
    });
    await remover?.remove(lobby, () => redis.later(() => redis.isThere));
  };
  const make = async () => {
    await maker?.reserve(lobby);
    const isNew = await redis.later(() => {
      const was = redis.isThere;
      redis.isThere = true;
      return !was;
    });
    if (isNew) maker?.listAgain(lobby);
  };
  const both = Promise.all([remove(), make()]);
  for (let at = 0; await redis.runOne(choices[at] ?? 0); at++);
  await both;
  return redis;
}

test("a room that is made while it is removed is listed, in whatever order both happen", async () => {
  const seen = new Set<string>();
  for (let bits = 0; bits < 2 ** 8; bits++) {
    const choices = Array.from({ length: 8 }, (_, at) => (bits >> at) & 1);
    const { isThere, isListed } = await race(choices);
    seen.add(`${isThere} ${isListed}`);
  }
  // A message that came before the removal is gone with the room.
  assert.deepEqual([...seen].sort(), ["false false", "true true"]);
});

// Messages past their own age stayed until the next message of the room.
test("a room that is made again and gets its own bounds while it is taken off is still swept", async () => {
  const listed = new Set<string>();
  const link = {
    send: async (key: string, [command]: readonly string[]) =>
      command === "ZADD" ? listed.add(key) : listed.delete(key),
  } as unknown as RedisLink;
  const index = new RoomIndex(link, new Keys("confab"), 10);
  await index.addBounded(lobby);
  await index.remove(lobby, async () => true);
  assert.deepEqual([...listed].sort(), ["confab:bounded", "confab:rooms"]);
  await index.remove(lobby, async () => false);
  assert.deepEqual([...listed], []);
});
