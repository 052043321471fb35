import assert from "node:assert/strict";
import { test } from "node:test";
import { ConfabError } from "@confab/contract";
import { MemoryEngine } from "../testing/memory-engine.js";
import { RecordingSink } from "../testing/recording-sink.js";
import { lobby, offsets, TestHub } from "../testing/test-hub.js";
import type { RoomId } from "./index.js";

/** A room is compared with the log only when a whole round heard nothing of it, so one round alone finds nothing. */
async function twoRounds(hub: TestHub): Promise<void> {
  for (let round = 0; round < 2; round++) {
    hub.hub.checkIdleRooms();
    await hub.turns.untilIdle();
  }
}

async function sayAndLose(hub: TestHub, count: number, room?: RoomId): Promise<void> {
  await hub.say(count, room);
  hub.engine.deliver(count, 0);
}

// Readers of a quiet room stayed behind until somebody spoke again.
test("messages that the bus lost in silence reach the readers of a room in which nobody speaks any more", async () => {
  const hub = new TestHub();
  const readers = [await hub.reader(), await hub.reader()];
  await hub.sayAndDeliver(2);
  await sayAndLose(hub, 3);
  await twoRounds(hub);
  for (const { sink } of readers) assert.deepEqual(sink.offsets, offsets(1, 5));
  await hub.sayAndDeliver(1);
  for (const { sink, subscription } of readers) {
    assert.deepEqual(sink.offsets, offsets(1, 6));
    assert.equal(subscription.state, "live");
  }
});

test("a message that comes late after all, when it was read from the log, is not given twice", async () => {
  const hub = new TestHub();
  const { sink } = await hub.reader();
  await hub.say(3);
  await twoRounds(hub);
  assert.deepEqual(sink.offsets, offsets(1, 3));
  hub.engine.deliver(3, 2);
  await hub.turns.untilIdle();
  assert.deepEqual(sink.offsets, offsets(1, 3));
});

test("a room that is not behind is left alone, and one that hears is not even looked up", async () => {
  const hub = new TestHub();
  const { sink, subscription } = await hub.reader();
  await hub.sayAndDeliver(2);
  let asked = 0;
  const { state } = hub.engine;
  hub.engine.state = (room) => {
    asked++;
    return state.call(hub.engine, room);
  };
  hub.hub.checkIdleRooms();
  await hub.turns.untilIdle();
  assert.equal(asked, 0, "it was heard of since the last round");
  hub.hub.checkIdleRooms();
  await hub.turns.untilIdle();
  assert.equal(asked, 1);
  assert.equal(subscription.state, "live");
  assert.deepEqual([sink.offsets, sink.writes.length], [[1, 2], 1]);
});

test("a lagging reader is not woken by the check, and gets what was lost when it has drained", async () => {
  const hub = new TestHub();
  const { sink, subscription } = await hub.reader();
  sink.roomForWrites = 1;
  await hub.sayAndDeliver(1);
  await sayAndLose(hub, 2);
  await twoRounds(hub);
  assert.deepEqual([subscription.state, sink.offsets], ["lagging", [1]]);
  sink.roomForWrites = Number.POSITIVE_INFINITY;
  subscription.drained();
  await hub.turns.untilIdle();
  assert.deepEqual(sink.offsets, offsets(1, 3));
});

test("a reader who knows of a message that the bus has lost is brought to it", async () => {
  const hub = new TestHub();
  const first = await hub.reader();
  await sayAndLose(hub, 2);
  const ahead = await hub.reader({ after: { epoch: 7, offset: 2 } });
  await twoRounds(hub);
  assert.equal(ahead.subscription.state, "live");
  assert.deepEqual([first.sink.offsets, ahead.sink.offsets], [[1, 2], []]);
  await hub.sayAndDeliver(1);
  assert.deepEqual([first.sink.offsets, ahead.sink.offsets], [[1, 2, 3], [3]]);
});

test("the lost messages were trimmed meanwhile: OUT_OF_RANGE, never a gap", async () => {
  const hub = new TestHub();
  const { sink } = await hub.reader();
  await sayAndLose(hub, 5);
  hub.engine.trim(lobby, 3);
  await twoRounds(hub);
  assert.deepEqual([sink.offsets, sink.endedWith?.code], [[], "OUT_OF_RANGE"]);
});

test("the readers of a log that was replaced are told OUT_OF_RANGE, and the next ones read the new log", async () => {
  const hub = new TestHub();
  await hub.sayAndDeliver(3);
  const old = await hub.reader();
  hub.engine.memory = new MemoryEngine(8);
  await twoRounds(hub);
  assert.equal(old.sink.endedWith?.code, "OUT_OF_RANGE");
  assert.equal(hub.engine.watchersOf(lobby), 0);
  assert.deepEqual((await hub.reader()).position, { epoch: 8, offset: 0 });
});

test("a message that is heard while the log is asked is delivered by the fan-out, once", async () => {
  const hub = new TestHub();
  const { sink, subscription } = await hub.reader();
  hub.hub.checkIdleRooms();
  await hub.turns.untilIdle();
  hub.engine.isSlow = true;
  hub.hub.checkIdleRooms();
  await hub.turns.next();
  await hub.say(1);
  hub.engine.deliver();
  let reads = 0;
  const { readForward } = hub.engine;
  hub.engine.readForward = (...asked) => {
    reads++;
    return readForward.apply(hub.engine, asked);
  };
  hub.engine.isSlow = false;
  hub.engine.releaseAll();
  await hub.turns.untilIdle();
  assert.equal(subscription.state, "live");
  assert.deepEqual([sink.offsets, reads], [[1], 0]);
});

test("a round that is under way is not joined by another, and a log that fails is asked again in the next", async () => {
  const hub = new TestHub();
  const { sink } = await hub.reader();
  await sayAndLose(hub, 1);
  hub.hub.checkIdleRooms();
  await hub.turns.untilIdle();
  const { state } = hub.engine;
  let asked = 0;
  let refuse: (error: Error) => void = () => undefined;
  hub.engine.state = () => {
    asked++;
    return new Promise((_resolve, reject) => {
      refuse = reject;
    });
  };
  for (let i = 0; i < 3; i++) {
    hub.hub.checkIdleRooms();
    await hub.turns.untilIdle();
  }
  assert.equal(asked, 1);
  refuse(new ConfabError("ENGINE_UNAVAILABLE", "no log"));
  hub.engine.state = state;
  await hub.turns.untilIdle();
  assert.deepEqual([sink.offsets, sink.endedWith], [[], undefined]);
  await twoRounds(hub);
  assert.deepEqual(sink.offsets, [1]);
});

test("many rooms are looked at a slice in each turn, and all of them in one round", async () => {
  const hub = new TestHub();
  const rooms = offsets(1, 1_000).map((n) => `room-${n}` as RoomId);
  const sinks = rooms.map(() => new RecordingSink());
  await hub.subscribeAll(sinks.map((sink, index) => [sink, { room: rooms[index] ?? lobby }]));
  await hub.turns.untilIdle();
  for (const room of rooms) await sayAndLose(hub, 1, room);
  hub.hub.checkIdleRooms();
  await hub.turns.untilIdle();
  hub.hub.checkIdleRooms();
  await hub.turns.next();
  await hub.turns.next();
  const soFar = sinks.filter(({ offsets: given }) => given.length > 0).length;
  assert.ok(soFar < rooms.length, `${soFar} of the rooms in two turns`);
  await hub.turns.untilIdle();
  for (const sink of sinks) assert.deepEqual(sink.offsets, [1]);
});

// After a reconnect of Pub/Sub, readers of quiet rooms waited for up to two rounds.
test("readers of a room that the bus says was interrupted are made whole at once", async () => {
  const hub = new TestHub();
  const { sink } = await hub.reader();
  await hub.sayAndDeliver(2);
  await sayAndLose(hub, 3);
  hub.engine.interrupt(lobby);
  await hub.turns.untilIdle();
  assert.deepEqual(sink.offsets, offsets(1, 5));
});

test("an interrupted room is compared again until the log answers", async () => {
  const hub = new TestHub();
  const { sink } = await hub.reader();
  await sayAndLose(hub, 2);
  const { state } = hub.engine;
  hub.engine.state = () => {
    throw new ConfabError("ENGINE_UNAVAILABLE", "away");
  };
  hub.engine.interrupt(lobby);
  await hub.turns.untilIdle();
  hub.turns.endWaits();
  await hub.turns.untilIdle();
  assert.deepEqual(sink.offsets, []);
  hub.engine.state = state;
  hub.turns.endWaits();
  await hub.turns.untilIdle();
  assert.deepEqual(sink.offsets, offsets(1, 2));
});

test("entries of another epoch send the readers away with what the log holds now, and reach none of them", async () => {
  const hub = new TestHub();
  const { sink } = await hub.reader();
  await hub.sayAndDeliver(2);
  hub.engine.memory = new MemoryEngine(8);
  await hub.sayAndDeliver(3);
  assert.deepEqual(sink.offsets, offsets(1, 2));
  assert.equal(sink.endedWith?.code, "OUT_OF_RANGE");
});

test("a room that this version cannot read any more is closed: its readers are told, and others read on", async () => {
  const hub = new TestHub();
  const { sink } = await hub.reader();
  const otherRoom = "other" as RoomId;
  const other = await hub.reader({ room: otherRoom });
  const { state } = hub.engine;
  const refusal = new ConfabError("NEWER_FORMAT", "upgrade");
  hub.engine.state = (room) => {
    if (room === lobby) throw refusal;
    return state.call(hub.engine, room);
  };
  await twoRounds(hub);
  assert.equal(sink.endedWith, refusal);
  assert.deepEqual([hub.engine.watchersOf(lobby), hub.engine.watchersOf(otherRoom)], [0, 1]);
  assert.equal(other.sink.endedWith, undefined);
});
