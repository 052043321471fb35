import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { decodeChatMessage, encodeBody } from "@confab/contract";
import { until } from "../fixture/redis-cluster.js";
import { lobby, type TestNode, untilHas } from "./testing/node.js";
import { redisFor, twoNodes } from "./testing/redis-for.js";

const secret = "the-password-is-hunter2";

test("an erased text is not in Redis, nor in the file that it writes then; both nodes go on in the same epoch", async (t) => {
  const redis = await redisFor(t, { args: ["--save", ""] });
  if (!redis) return;
  const [one, two] = await twoNodes(t, redis);
  const reader = await two.read();
  // Messages of many sizes: small ones share a piece of the stream.
  for (let n = 1; n <= 300; n++)
    await one.say(n % 7 === 3 ? `${n}-${secret}` : `${n}`.padEnd(n % 90 === 0 ? 9_000 : n, "x"));
  await untilHas(reader, 300);
  const { epoch } = await one.engine.log.state(lobby);
  for (let offset = 3; offset <= 300; offset += 7) await two.hub.erase(lobby, { epoch, offset });
  // Compressed pieces would hide it.
  await redis.cli("CONFIG", "SET", "rdbcompression", "no");
  await redis.cli("SAVE");
  const file = await readFile(join(redis.folder, "dump.rdb"));
  assert.ok(!file.includes(secret));
  assert.ok(file.includes("4xxx"));
  const { entries } = (await one.engine.log.readForward(lobby, 0, { maxEntries: 1_000, maxBytes: 10_000_000 })).run;
  assert.deepEqual(
    entries.map(({ offset }) => offset),
    Array.from({ length: 300 }, (_, at) => at + 1),
  );
  const last = await one.say("next");
  assert.deepEqual(last.position, { epoch, offset: 301 });
  await untilHas(reader, 301);
});

/** More blocks than one step of an erasure copies. */
const largeRoom = 2_500;

function texts(node: TestNode): Promise<string[]> {
  return Promise.resolve(node.engine.log.readForward(lobby, 0, { maxEntries: 10_000, maxBytes: 100_000_000 })).then(
    ({ run }) =>
      run.entries.map(({ body }) => decodeChatMessage(body)).map(({ text, deleted }) => (deleted ? "gone" : text)),
  );
}

test("a large room is written again in steps, while both nodes send and erase", async (t) => {
  const redis = await redisFor(t);
  if (!redis) return;
  const [one, two] = await twoNodes(t, redis);
  for (let n = 1; n <= largeRoom; n++) await one.say(String(n));
  const { epoch } = await one.engine.log.state(lobby);
  let steps = 0;
  const share = {
    begin: () => {
      steps++;
      return undefined;
    },
    spend: () => undefined,
  };
  let isOver = false;
  const sent: string[] = [];
  const sending = (async () => {
    while (!isOver) {
      const text = `more ${sent.length}`;
      await two.say(text);
      sent.push(text);
    }
  })();
  const erased = [1, 700, 701, 1_400, 2_500];
  await Promise.all([
    one.hub.erase(lobby, { epoch, offset: 1 }, share),
    ...erased.slice(1).map((offset, at) => (at % 2 ? one : two).hub.erase(lobby, { epoch, offset })),
  ]);
  isOver = true;
  await sending;
  assert.ok(steps > largeRoom / 512, `${steps} steps`);
  assert.ok(sent.length > 10, `${sent.length} messages passed between the steps`);
  const expected = Array.from({ length: largeRoom }, (_, at) => (erased.includes(at + 1) ? "gone" : String(at + 1)));
  assert.deepEqual(await texts(one), [...expected, ...sent]);
  assert.deepEqual((await redis.cli("KEYS", "*:cop*")).filter(Boolean), []);
  assert.equal((await redis.cli("TTL", (await redis.cli("KEYS", "*:log"))[0] ?? ""))[0], "-1");
});

// Each step read all blocks that change, and wrote them again: 128 of 64 KiB kept Redis for 25 ms where 3 ms were charged.
test("the blocks that change are looked at once, and then as they are copied", async (t) => {
  const redis = await redisFor(t);
  if (!redis) return;
  const [one] = await twoNodes(t, redis);
  for (let n = 1; n <= largeRoom; n++) await one.say(String(n));
  const { epoch } = await one.engine.log.state(lobby);
  const tombstone = encodeBody({ user: "ann", text: "", room: lobby, id: "", sentAtMs: 1, deleted: true });
  const offsets = Array.from({ length: 128 }, (_, at) => 1 + at * 19);
  await redis.cli("CONFIG", "RESETSTAT");
  await one.engine.log.erase(
    lobby,
    epoch,
    offsets.map((offset) => ({ offset, body: tombstone })),
  );
  const stats = (await redis.cli("INFO", "commandstats")).join("\n");
  const looks = Number(/cmdstat_xrange:calls=(\d+)/.exec(stats)?.[1]);
  assert.ok(looks >= 128 && looks < 250, `${looks} looks`);
  const expected = Array.from({ length: largeRoom }, (_, at) => (offsets.includes(at + 1) ? "gone" : String(at + 1)));
  assert.deepEqual(await texts(one), expected);
  const [key = ""] = await redis.cli("KEYS", "*:log");
  assert.equal((await redis.cli("XLEN", key))[0], String(largeRoom));
});

test("an erasure that is given up changes nothing, and what is left of it is never put in the log's place", async (t) => {
  const redis = await redisFor(t);
  if (!redis) return;
  const [one, two] = await twoNodes(t, redis);
  for (let n = 1; n <= largeRoom; n++) await one.say(String(n));
  const { epoch } = await one.engine.log.state(lobby);
  const before = await texts(two);
  let steps = 0;
  const share = {
    begin: () => {
      if (++steps === 4) throw new Error("closed");
      return undefined;
    },
    spend: () => undefined,
  };
  const [log] = [one.engine.log];
  const tombstone = encodeBody({ user: "ann", text: "", room: lobby, id: "", sentAtMs: 1, deleted: true });
  await assert.rejects(log.erase(lobby, epoch, [{ offset: 5, body: tombstone }], share));
  assert.deepEqual(await texts(two), before);
  // The copy of the next one is removed while it is made, as by a Redis that is full.
  let isGone = false;
  const meddled = {
    begin: async () => {
      const [copying = ""] = await redis.cli("KEYS", "*:copying");
      if (copying === "" || isGone) return;
      isGone = true;
      await redis.cli("DEL", copying.replace("copying", "copy"));
    },
    spend: () => undefined,
  };
  await two.hub.erase(lobby, { epoch, offset: 6 }, meddled);
  assert.ok(isGone);
  assert.deepEqual(
    await texts(one),
    before.map((text, at) => (at === 5 ? "gone" : text)),
  );
});

test("nodes that knew an erased block before do not take the log for another one when Redis comes back", async (t) => {
  const redis = await redisFor(t, { args: ["--appendonly", "yes", "--appendfsync", "always"] });
  if (!redis) return;
  const [one, two] = await twoNodes(t, redis);
  const readers = [await one.read(), await two.read()];
  const { position } = await one.say(secret);
  for (const reader of readers) await untilHas(reader, 1);
  await two.hub.erase(lobby, position);
  await redis.kill("SIGKILL");
  await until(() => one.engine.trouble() !== undefined && two.engine.trouble() !== undefined);
  await redis.run();
  const next = await one.sayUntilAcked("next");
  assert.deepEqual(next.position, { epoch: position.epoch, offset: 2 });
  for (const reader of readers) await untilHas(reader, 2);
});

test("a room that had other epochs knows them after an erasure", async (t) => {
  const redis = await redisFor(t);
  if (!redis) return;
  const [one] = await twoNodes(t, redis);
  const { position } = await one.say(secret);
  // An earlier epoch, and the offset up to which its positions are good: they follow the record.
  const [key = ""] = await redis.cli("KEYS", "*:meta");
  await redis.cli("SETRANGE", key, "36", "abcd@@@@@@@@");
  const { lineage } = await one.engine.log.state(lobby);
  assert.deepEqual(
    lineage?.map(({ epoch }) => epoch),
    [0x61626364],
  );
  await one.hub.erase(lobby, position);
  assert.deepEqual((await one.engine.log.state(lobby)).lineage, lineage);
});

// SECURITY.md says so.
test("an erased text stays in the append-only file until Redis writes that again, and in the slow log until it is reset", async (t) => {
  const append = ["--appendonly", "yes", "--save", "", "--rdbcompression", "no"];
  const redis = await redisFor(t, { args: [...append, "--slowlog-log-slower-than", "0"] });
  if (!redis) return;
  const [one] = await twoNodes(t, redis);
  const { position } = await one.say(secret);
  await one.hub.erase(lobby, position);
  const isInFiles = async () => {
    const files = await readdir(redis.folder, { recursive: true, withFileTypes: true });
    // Redis may remove one meanwhile, as it does when it has written another one in its place.
    const texts = files
      .filter((file) => file.isFile())
      .map((file) => readFile(join(file.parentPath, file.name)).catch(() => Buffer.from("")));
    return (await Promise.all(texts)).some((text) => text.includes(secret));
  };
  const slow = async () => (await redis.cli("SLOWLOG", "GET", "1000")).some((line) => line.includes(secret));
  assert.deepEqual([await isInFiles(), await slow()], [true, true]);
  await redis.cli("SLOWLOG", "RESET");
  await redis.cli("BGREWRITEAOF");
  await until(async () => !(await isInFiles()));
  assert.equal(await slow(), false);
});
