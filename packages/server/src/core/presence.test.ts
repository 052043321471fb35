import assert from "node:assert/strict";
import { test } from "node:test";
import { LineEncoding, OffsetEncoding, RecordingSink } from "../testing/recording-sink.js";
import { lobby, TestHub } from "../testing/test-hub.js";
import type { RoomId } from "./index.js";

function changes({ sink }: { readonly sink: RecordingSink }): string[] {
  return sink.presenceChanges.map(({ user, isPresent, members }) => `${isPresent ? "+" : "-"}${user} ${members}`);
}

async function end(hub: TestHub, ...readers: readonly { readonly subscription: { close(): void } }[]): Promise<void> {
  for (const { subscription } of readers) subscription.close();
  await hub.turns.untilIdle();
}

test("a user comes with the first subscription and goes with the last, however many there are between", async () => {
  const hub = new TestHub();
  const watcher = await hub.reader();
  const tabs = [await hub.reader({ user: "ann" }), await hub.reader({ user: "ann" })];
  assert.deepEqual(changes(watcher), ["+ann 1"]);
  await end(hub, ...tabs);
  assert.deepEqual(changes(watcher), ["+ann 1", "-ann 0"]);
  await hub.reader({ user: "ann" });
  assert.deepEqual(changes(watcher), ["+ann 1", "-ann 0", "+ann 1"]);
});

test("a reader without a name is counted as a subscriber and not as a member", async () => {
  const hub = new TestHub();
  const watcher = await hub.reader({ user: "ann" });
  await end(hub, await hub.reader());
  assert.deepEqual(changes(watcher), []);
  assert.deepEqual(hub.engine.members.counts([lobby]), [{ members: 1, subscribers: 1 }]);
});

test("a member hears of others and not of itself, also when it is the server that ends a subscription", async () => {
  const hub = new TestHub();
  const ann = await hub.reader({ user: "ann" });
  const bob = await hub.reader({ user: "bob" });
  assert.deepEqual([changes(ann), changes(bob)], [["+bob 2"], []]);
  bob.sink.roomForWrites = 1;
  await hub.sayAndDeliver(1);
  await hub.sayAndDeliver(1_000);
  hub.engine.trim(lobby, 500);
  bob.subscription.drained();
  await hub.turns.untilIdle();
  assert.equal(bob.sink.endedWith?.code, "OUT_OF_RANGE");
  assert.deepEqual(changes(ann), ["+bob 2", "-bob 1"]);
});

test("a turn's changes are one write for each reader, encoded once, without the reader's own", async () => {
  const hub = new TestHub();
  const encoding = new LineEncoding();
  const sinks = ["", "", "u1", "u0", "u2"].map((user) => ({
    user,
    sink: new RecordingSink(new OffsetEncoding(), encoding),
  }));
  for (const { user, sink } of sinks) await hub.subscribe(sink, { user });
  assert.deepEqual(
    sinks.map(({ sink }) => changes({ sink })),
    [[], [], [], [], []],
  );
  await hub.turns.untilIdle();
  assert.deepEqual(
    sinks.map(({ sink }) => changes({ sink })),
    [
      ["+u1 1", "+u0 2", "+u2 3"],
      ["+u1 1", "+u0 2", "+u2 3"],
      ["+u0 2", "+u2 3"],
      ["+u1 1", "+u2 3"],
      ["+u1 1", "+u0 2"],
    ],
  );
  assert.equal(encoding.encodings, 3);
  assert.deepEqual(
    sinks.map(({ sink }) => sink.eventWrites),
    [[3], [3], [2], [1, 1], [2]],
  );
});

test("who comes and goes within a turn is not told of, and neither is who goes and comes", async () => {
  const hub = new TestHub();
  const watcher = await hub.reader();
  const ann = await hub.reader({ user: "ann" });
  await hub.subscribe(new RecordingSink(), { user: "bob" }).then(({ subscription }) => subscription.close());
  ann.subscription.close();
  await hub.subscribe(new RecordingSink(), { user: "ann" });
  await hub.turns.untilIdle();
  assert.deepEqual(changes(watcher), ["+ann 1"]);
});

test("a bus that repeats a change has it told once a turn, and counts never go below nothing", async () => {
  const hub = new TestHub();
  const watcher = await hub.reader();
  const room = hub.hub.roomInUse(lobby);
  const ann = { room: lobby, user: "ann", isPresent: true };
  room?.presence([ann], 0);
  room?.presence([ann, { ...ann, user: "bob" }], 0);
  await hub.turns.untilIdle();
  assert.deepEqual(changes(watcher), ["+ann 0", "+bob 0"]);
});

test("another room's members are nobody's here", async () => {
  const hub = new TestHub();
  const watcher = await hub.reader();
  await hub.reader({ room: "other" as RoomId, user: "bob" });
  assert.deepEqual(changes(watcher), []);
});

test("a signal reaches every reader of its room at once, in any state, encoded once, and nobody else", async () => {
  const hub = new TestHub();
  const encoding = new LineEncoding();
  const sinks = [0, 1, 2].map(() => new RecordingSink(new OffsetEncoding(), encoding));
  const [live, full, opening] = sinks;
  assert.ok(live && full && opening);
  for (const sink of [live, full]) await hub.subscribe(sink);
  await hub.turns.untilIdle();
  full.roomForWrites = 1;
  await hub.sayAndDeliver(1);
  await hub.subscribe(opening, { history: 5 });
  const elsewhere = await hub.reader({ room: "other" as RoomId });
  const signal = { user: "ann", room: lobby, kind: "typing", position: { epoch: 7, offset: 1 } };
  hub.hub.signal(signal);
  for (const sink of sinks) assert.deepEqual(sink.signals, [signal]);
  assert.deepEqual([encoding.encodings, elsewhere.sink.signals], [1, []]);
  hub.hub.signal({ ...signal, room: "nobody.reads" as RoomId });
});
