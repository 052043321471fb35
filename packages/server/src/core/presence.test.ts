import assert from "node:assert/strict";
import { test } from "node:test";
import { forEachSeed } from "@confab/contract/testing/random";
import { RecordingSink } from "../testing/recording-sink.js";
import { lobby, TestHub } from "../testing/test-hub.js";
import type { RoomId } from "./index.js";
import { Presence } from "./presence.js";

function changes({ sink }: { readonly sink: RecordingSink }): string[] {
  return sink.presenceChanges.map(({ user, isPresent }) => `${isPresent ? "+" : "-"}${user}`);
}

test("a user comes with the first subscription and goes with the last, however many there are between", async () => {
  const hub = new TestHub();
  const watcher = await hub.reader();
  const tabs = [await hub.reader({ user: "ann" }), await hub.reader({ user: "ann" })];
  assert.deepEqual(changes(watcher), ["+ann"]);
  for (const { subscription } of tabs) subscription.close();
  assert.deepEqual(changes(watcher), ["+ann", "-ann"]);
  await hub.reader({ user: "ann" });
  assert.deepEqual(changes(watcher), ["+ann", "-ann", "+ann"]);
});

test("a reader without a name is counted as a subscriber and not as a member", async () => {
  const hub = new TestHub();
  const watcher = await hub.reader({ user: "ann" });
  const { subscription } = await hub.reader();
  subscription.close();
  assert.deepEqual(changes(watcher), []);
  const room = hub.hub.roomInUse(lobby);
  assert.deepEqual([room?.presence.size, room?.subscriberCount], [1, 1]);
});

test("a member hears of others and not of itself, also when it is the server that ends a subscription", async () => {
  const hub = new TestHub();
  const ann = await hub.reader({ user: "ann" });
  const bob = await hub.reader({ user: "bob" });
  assert.deepEqual([changes(ann), changes(bob)], [["+bob"], []]);
  bob.sink.roomForWrites = 1;
  await hub.sayAndDeliver(1);
  await hub.sayAndDeliver(1_000);
  hub.engine.trim(lobby, 500);
  bob.subscription.drained();
  await hub.turns.untilIdle();
  assert.equal(bob.sink.endedWith?.code, "OUT_OF_RANGE");
  assert.deepEqual(changes(ann), ["+bob", "-bob"]);
});

test("another room's members are nobody's here", async () => {
  const hub = new TestHub();
  const watcher = await hub.reader();
  await hub.reader({ room: "other" as RoomId, user: "bob" });
  assert.deepEqual(changes(watcher), []);
});

test("a signal reaches every reader of its room at once, in any state, and nobody else", async () => {
  const hub = new TestHub();
  const live = await hub.reader();
  const full = await hub.reader();
  full.sink.roomForWrites = 1;
  await hub.sayAndDeliver(1);
  const opening = new RecordingSink();
  await hub.subscribe(opening, { history: 5 });
  const elsewhere = await hub.reader({ room: "other" as RoomId });
  const signal = { user: "ann", room: lobby, kind: "typing", position: { epoch: 7, offset: 1 } };
  hub.hub.signal(signal);
  for (const sink of [live.sink, full.sink, opening]) assert.deepEqual(sink.signals, [signal]);
  assert.deepEqual(elsewhere.sink.signals, []);
  hub.hub.signal({ ...signal, room: "nobody.reads" as RoomId });
});

test("presence counts as a multiset does, and pages by name", () => {
  forEachSeed(200, (random) => {
    const presence = new Presence();
    const counts = new Map<string, number>();
    for (let i = 0; i < 60; i++) {
      const user = random.pick(["a", "b", "B", "ä", "\u{1f600}", "z"]);
      const count = counts.get(user) ?? 0;
      if (random.oneIn(2)) {
        assert.equal(presence.enter(user), count === 0);
        counts.set(user, count + 1);
      } else if (count > 0) {
        assert.equal(presence.leave(user), count === 1);
        if (count === 1) counts.delete(user);
        else counts.set(user, count - 1);
      }
    }
    assert.equal(presence.size, counts.size);
    const paged: string[] = [];
    for (let page = presence.page("", 2); page.length > 0; page = presence.page(paged.at(-1) ?? "", 2)) {
      paged.push(...page.map(({ user }) => user));
      for (const { user, connections } of page) assert.equal(connections, counts.get(user));
    }
    assert.deepEqual(paged, [...counts.keys()].sort());
  });
});
