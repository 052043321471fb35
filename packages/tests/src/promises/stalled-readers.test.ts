import assert from "node:assert/strict";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { connect } from "node:http2";
import { after, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { Position } from "@confab/contract";
import { startNarrowDoor } from "../fixture/narrow-door.js";
import { type ServerProcess, startServerProcess } from "../fixture/server-process.js";
import { overSession } from "./byte-stream.js";
import { grpcOver, rawSubscriptions } from "./raw-subscriptions.js";
import type { Reading } from "./reading.js";
import { Speaker } from "./speaker.js";

/** Little, and more than a process of a busy machine stands still by itself. */
const readerStallMs = 2_000;

/** More than the kernel holds for a connection and for that of a relay behind it, about 10 MB: these are 17 MB. */
const stored = 280;
const textBytes = 60_000;
const sendsAtOnce = 20;

/** Bytes that a reader gets before it stands still: its start and some messages. */
const doorBytes = 200_000;

/** Store the messages that the readers then catch up on: bytes wait for each of them as soon as it stops reading. */
async function store(url: string): Promise<{ readonly speaker: Speaker; readonly start: Position }> {
  const speaker = new Speaker(url, "stall");
  const text = "x".repeat(textBytes);
  let epoch = 0;
  for (let sent = 0; sent < stored; sent += sendsAtOnce) {
    [epoch = 0] = await Promise.all(Array.from({ length: sendsAtOnce }, () => speaker.say(text)));
  }
  return { speaker, start: { epoch, offset: 0 } };
}

async function subscriptionsOf(url: string, room: string): Promise<number> {
  const reply = await fetch(`${url}/v1/rooms/${room}/members`);
  const { members = [] } = (await reply.json()) as { members?: readonly { connections: number }[] };
  return members.reduce((sum, { connections }) => sum + connections, 0);
}

/** Wait until a room has so many subscriptions, for a bounded time: false when it has others then. */
async function hasCome(url: string, room: string, count: number): Promise<boolean> {
  for (let waitedMs = 0; waitedMs < 30 * readerStallMs; waitedMs += 50) {
    if ((await subscriptionsOf(url, room)) === count) return true;
    await sleep(50);
  }
  return false;
}

function from(first: number): number[] {
  return Array.from({ length: stored + 1 - first }, (_, index) => index + first);
}

async function isTold(reading: Reading, name: string): Promise<void> {
  await reading.untilOffset(stored);
  const { offsets, endedWith } = reading;
  assert.equal(endedWith, "SLOW_READER", name);
  assert.deepEqual(offsets, from(1).slice(0, offsets.length), name);
  assert.ok(offsets.length < stored, name);
  reading.close();
}

/** How many connections the server has that come from these ports. */
async function connectionsFrom(ports: readonly number[], serverPort: number): Promise<number> {
  const established = "01";
  const rows = (await readFile("/proc/net/tcp", "utf8")).split("\n").map((row) => row.trim().split(/\s+/));
  const portOf = (address = "") => Number.parseInt(address.split(":")[1] ?? "", 16);
  return rows.filter(
    ([, local, remote, state]) =>
      portOf(local) === serverPort && ports.includes(portOf(remote)) && state === established,
  ).length;
}

describe("a reader that takes nothing for readerStallMs, while bytes wait for it", () => {
  let server: ServerProcess;
  let speaker: Speaker;
  let start: Position;
  before(async () => {
    const limits = { maxQueuedBytes: 16_384, readerStallMs, replyStallMs: 600_000 };
    server = await startServerProcess({ flags: { durability: "os", limits } });
    ({ speaker, start } = await store(server.url));
  });
  after(() => server.stop());

  it("leaves its room, is told SLOW_READER when it reads again, and misses nothing when it comes back, on every transport", async () => {
    const stalled = rawSubscriptions.map((subscription) => ({
      ...subscription,
      reading: subscription.read({ url: server.url, room: speaker.room, after: start }),
    }));
    const stop = async (reading: Reading) => {
      await reading.untilOffset(1);
      reading.pause();
    };
    await Promise.all(stalled.map(({ reading }) => stop(reading)));
    const haveLeft = await hasCome(server.url, speaker.room, 0);
    for (const { name, reading, read } of stalled) {
      reading.resume();
      await isTold(reading, name);
      const again = read({ url: server.url, room: speaker.room, after: reading.position });
      await again.untilOffset(stored);
      assert.deepEqual([again.offsets, again.endedWith], [from(reading.offsets.length + 1), undefined], name);
      again.close();
    }
    assert.ok(haveLeft);
  });

  it("is treated the same when its whole process stands still and no ping is answered", async () => {
    const door = await startNarrowDoor(server.url, doorBytes);
    const stalled = rawSubscriptions.map((subscription) => ({
      ...subscription,
      reading: subscription.read({ url: door.url, room: speaker.room, after: start }),
    }));
    await Promise.all(stalled.map(({ reading }) => reading.untilOffset(1)));
    const haveLeft = await hasCome(server.url, speaker.room, 0);
    door.open();
    for (const { name, reading } of stalled) await isTold(reading, name);
    assert.ok(haveLeft);
    await door.close();
  });

  it("on a stream of HTTP/2 ends alone: the others of its connection go on", async () => {
    const session = connect(server.url);
    await once(session, "connect");
    const { read } = grpcOver(overSession(session));
    const stalled = read({ url: server.url, room: speaker.room, after: start });
    // Beside what the stalled stream holds of the connection's window there must be some left.
    session.setLocalWindowSize(8 * 1_048_576);
    const other = read({ url: server.url, room: speaker.room, after: { ...start, offset: stored - 1 } });
    await stalled.untilOffset(1);
    stalled.pause();
    await other.untilOffset(stored);
    assert.ok(await hasCome(server.url, speaker.room, 1));
    await speaker.say();
    await other.untilOffset(stored + 1);
    assert.equal(other.endedWith, undefined);
    stalled.resume();
    await isTold(stalled, "gRPC");
    session.destroy();
  });
});

describe("a reader that was ended for taking nothing, and takes nothing for replyStallMs more", () => {
  let server: ServerProcess;
  before(async () => {
    const limits = { maxQueuedBytes: 16_384, readerStallMs, replyStallMs: readerStallMs };
    server = await startServerProcess({ flags: { durability: "os", limits } });
  });
  after(() => server.stop());

  it("has no connection any more, and so no memory, on every transport", {
    skip: process.platform !== "linux" && "connections are counted in /proc",
    // Without the rule they stay for ever.
    timeout: 300_000,
  }, async () => {
    const { speaker, start } = await store(server.url);
    const { room } = speaker;
    const door = await startNarrowDoor(server.url, doorBytes);
    const readings = rawSubscriptions.map(({ read }) => read({ url: door.url, room, after: start }));
    await Promise.all(readings.map((reading) => reading.untilOffset(1)));
    assert.ok(await hasCome(server.url, room, 0));
    while ((await connectionsFrom(door.serverPorts(), server.port)) > 0) await sleep(50);
    for (const reading of readings) reading.close();
    await door.close();
  });
});
