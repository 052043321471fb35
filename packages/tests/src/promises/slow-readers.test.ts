import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, describe, it } from "node:test";
import { type ServerProcess, startServerProcess } from "../fixture/server-process.js";
import { rawSubscriptions } from "./raw-subscriptions.js";
import type { Reading } from "./reading.js";
import { Speaker } from "./speaker.js";

/** The least that a server can be told to hold for one reader, in bytes. */
const maxQueuedBytes = 16_384;

const textBytes = 60_000;

/**
 * Messages sent while the readers stall. The kernel holds several megabytes between two sockets of one machine, so it takes
 * many times that before a server that queues would show it: these are 34 MB for each reader.
 */
const missed = 560;

const sendsAtOnce = 20;

/**
 * What the server's own memory may grow by, in bytes. All readers' queues together may hold a few MB; the rest is
 * garbage not collected yet. Queues without a bound would hold about 30 MB for each reader, more than 350 MB.
 */
const maxGrowthBytes = 150_000_000;

interface Named {
  readonly name: string;
  readonly reading: Reading;
}

/** One reader on every transport, each of which has stopped reading after a first message. */
async function stalledReaders(url: string, speaker: Speaker): Promise<Named[]> {
  const epoch = await speaker.say("the first");
  const readers = rawSubscriptions.map(({ name, read }) => ({
    name,
    reading: read({ url, room: speaker.room, after: { epoch, offset: 0 } }),
  }));
  for (const { reading } of readers) {
    await reading.untilOffset(1);
    reading.pause();
  }
  return readers;
}

async function sayMany(speaker: Speaker, count: number): Promise<void> {
  const text = "x".repeat(textBytes);
  for (let sent = 0; sent < count; sent += sendsAtOnce) {
    await Promise.all(Array.from({ length: sendsAtOnce }, () => speaker.say(text)));
  }
}

/** Memory of the process's own: the log's file, which is mapped into it too, is not counted. */
async function ownBytes({ pid }: ServerProcess): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  return Number(/^RssAnon:\s+([0-9]+) kB$/m.exec(status)?.[1]) * 1_024;
}

function rising(last: number): number[] {
  return Array.from({ length: last }, (_, index) => index + 1);
}

describe("readers that stop reading, one on every transport", () => {
  let server: ServerProcess;
  before(async () => {
    // Pings that a WebSocket reader cannot answer, as it reads nothing. On a busy machine this takes minutes.
    const limits = { maxQueuedBytes, pingIntervalMs: 1_000, readerStallMs: 600_000 };
    server = await startServerProcess({ flags: { durability: "os", limits } });
  });
  after(() => server.stop());

  it("cost a bounded amount and the others nothing, and get everything once and in order when they read again", async (t) => {
    const speaker = new Speaker(server.url, "slow");
    const stalled = await stalledReaders(server.url, speaker);
    const others = rawSubscriptions
      .filter(({ name }) => ["gRPC", "SSE", "WebSocket, Protobuf frames"].includes(name))
      .map(({ name, read }) => ({
        name,
        reading: read({ url: server.url, room: speaker.room, after: undefined }),
      }));
    for (const { reading } of others) await reading.until(() => reading.startedAt !== undefined);
    const before = process.platform === "linux" ? await ownBytes(server) : 0;

    await sayMany(speaker, missed);
    for (const { name, reading } of others) {
      await reading.untilOffset(speaker.stored);
      assert.deepEqual(reading.offsets, rising(missed + 1).slice(1), name);
    }
    if (process.platform === "linux") {
      const growth = (await ownBytes(server)) - before;
      t.diagnostic(`the server grew by ${Math.round(growth / 1e6)} MB`);
      assert.ok(growth < maxGrowthBytes, `the server grew by ${growth} bytes`);
    }
    for (const { name, reading } of stalled) {
      assert.ok(reading.offsets.length < missed, `${name} stalls`);
      reading.resume();
      await reading.untilOffset(speaker.stored);
      assert.deepEqual(reading.offsets, rising(missed + 1), name);
    }
    // Back in: what comes now is live for all of them.
    await speaker.say("the last");
    for (const { name, reading } of [...stalled, ...others]) {
      await reading.untilOffset(missed + 2);
      assert.equal(reading.offsets.at(-1), missed + 2, name);
      assert.equal(reading.endedWith, undefined, name);
      reading.close();
    }
  });
});

describe("readers that are slower than what is kept, one on every transport", () => {
  let server: ServerProcess;
  before(async () => {
    const flags = { durability: "os", retention: { maxMessages: 15 }, limits: { maxQueuedBytes } } as const;
    server = await startServerProcess({ flags });
  });
  after(() => server.stop());

  it("are ended with OUT_OF_RANGE after an unbroken beginning, in their transport's own form", async () => {
    const speaker = new Speaker(server.url, "lost");
    const stalled = await stalledReaders(server.url, speaker);
    // More than the kernel holds and the log keeps, together.
    await sayMany(speaker, missed / 2);
    for (const { name, reading } of stalled) {
      reading.resume();
      await reading.untilOffset(speaker.stored);
      assert.equal(reading.endedWith, "OUT_OF_RANGE", name);
      assert.deepEqual(reading.offsets, rising(reading.offsets.length), name);
      reading.close();
    }
  });
});
