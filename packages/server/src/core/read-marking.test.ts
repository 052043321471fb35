import assert from "node:assert/strict";
import { test } from "node:test";
import { ConfabError } from "@confab/contract";
import { RecordingSink } from "../testing/recording-sink.js";
import { lobby, TestHub } from "../testing/test-hub.js";
import type { ScanningShare } from "./scanning-share.js";

const unshared = { begin: () => undefined, spend: () => undefined };

async function react(hub: TestHub, offset: number): Promise<void> {
  const change = { kind: "reaction", emoji: "+1", removed: false } as const;
  const content = { user: "ann", text: "", id: "", refusalFor: () => undefined };
  await hub.hub.change({ room: lobby, position: { epoch: 7, offset }, change, share: unshared, ...content });
}

function mark(hub: TestHub, user: string, offset: number, share: ScanningShare = unshared) {
  return hub.hub.marks.move(lobby, user, { epoch: 7, offset }, share);
}

test("a mark behind changes is counted once, from the nearest count that is known, and in turns", async () => {
  const hub = new TestHub({ maxSignalsPerSecond: 1_000 });
  await hub.say(2_000);
  await react(hub, 1);
  await hub.say(10);
  const begun: number[] = [];
  let spent = 0;
  const share: ScanningShare = {
    begin: (units) => {
      begun.push(units);
    },
    spend: (units) => {
      spent += units;
    },
  };
  const readsOf = async (run: () => Promise<{ readonly unread: number }>, unread: number) => {
    const { reads } = hub.engine;
    assert.equal((await run()).unread, unread);
    return hub.engine.reads - reads;
  };
  // In pieces of 512: from the mark to the newest entry.
  assert.equal(await readsOf(() => mark(hub, "ann", 1, share), 2_009), 4);
  assert.deepEqual([begun.length, spent < 0], [4, true]);
  // From the mark that is there, and not at all up to the newest one.
  assert.equal(await readsOf(() => mark(hub, "ann", 3), 2_007), 1);
  assert.equal(await readsOf(() => mark(hub, "ann", 2_011), 0), 0);
  assert.equal(await readsOf(() => mark(hub, "bob", 2_000), 10), 1);
});

// The count was too small, was stored with the mark, and every later mark of the user was counted from it.
test("where the room is trimmed past the mark before, changes are counted from the newest entry", async () => {
  const hub = new TestHub({ maxSignalsPerSecond: 1_000 });
  await hub.say(10);
  for (let count = 0; count < 5; count++) await react(hub, 10);
  await hub.say(10);
  await react(hub, 10);
  await hub.say(20);
  await mark(hub, "ann", 8);
  const { engine } = hub;
  const { marks } = engine;
  const of = marks.of.bind(marks);
  marks.of = (...asked) => {
    const found = of(...asked);
    engine.trim(lobby, 9);
    return found;
  };
  assert.equal((await mark(hub, "ann", 18)).unread, 27);
});

test("a room that is in use is looked through once for changes, and while it is known to have none not at all", async () => {
  const hub = new TestHub({ maxSignalsPerSecond: 1_000 });
  await hub.sayAndDeliver(10);
  const before = hub.engine.reads;
  await mark(hub, "eve", 5);
  assert.equal(hub.engine.reads, before, "no message was ever changed");
  await react(hub, 1);
  await hub.sayAndDeliver(89);
  await hub.reader();
  const { reads } = hub.engine;
  assert.equal((await mark(hub, "ann", 50)).unread, 50);
  assert.equal(hub.engine.reads, reads + 1);
  for (const [user, offset] of [
    ["ann", 60],
    ["bob", 50],
    ["cay", 99],
  ] as const)
    await mark(hub, user, offset);
  assert.equal(hub.engine.reads, reads + 1);
  await react(hub, 1);
  hub.engine.deliver();
  await hub.turns.untilIdle();
  assert.equal((await mark(hub, "dan", 90)).unread, 10);
});

test("only a mark that moves is announced, to readers that want signals", async () => {
  const hub = new TestHub({ maxSignalsPerSecond: 1_000 });
  await hub.sayAndDeliver(5);
  const heard: string[] = [];
  const encoding = {
    signal: ({ user, kind, position }: { user: string; kind: string; position?: { offset: number } | undefined }) => {
      heard.push(`${user} ${kind} ${position?.offset}`);
      return new Uint8Array(0);
    },
    presence: () => new Uint8Array(0),
  };
  const sink = Object.assign(new RecordingSink(), {
    events: { encoding, wantsPresence: false, wantsSignals: true, write: () => undefined },
  });
  await hub.subscribe(sink as never, {});
  for (const offset of [0, 3, 2, 3]) await mark(hub, "ann", offset);
  assert.deepEqual(heard, ["ann read 3"]);
  // The second one finds that the first was faster.
  await Promise.all([mark(hub, "bob", 4), mark(hub, "bob", 2)]);
  hub.timeMs += 1_000;
  hub.turns.endWaits();
  assert.deepEqual(heard, ["ann read 3", "bob read 4"]);
});

test("marks are rated by room and user, apart from signals", async () => {
  const hub = new TestHub({ maxSignalsPerSecond: 2 });
  await hub.say(5);
  await mark(hub, "ann", 1);
  await mark(hub, "ann", 2);
  await assert.rejects(
    mark(hub, "ann", 3),
    (error) =>
      error instanceof ConfabError &&
      error.code === "RATE_LIMITED" &&
      /^ann has marked in room lobby too often; maxSignalsPerSecond is 2$/.test(error.message),
  );
  hub.hub.signal({ room: lobby, user: "ann", kind: "typing" });
  await mark(hub, "bob", 3);
});

test("after a restore a mark beyond what is left counts up to that, also where changes are lost", async () => {
  const hub = new TestHub({ maxSignalsPerSecond: 1_000 });
  await hub.say(4);
  await react(hub, 1);
  await react(hub, 2);
  await mark(hub, "ann", 6);
  hub.engine.memory.putBack(3, 8);
  await hub.say(2);
  const [found] = await hub.hub.marks.of("ann", [lobby], unshared);
  // Two entries have come in the place of those that are lost.
  assert.deepEqual([found?.position, found?.unread], [{ epoch: 8, offset: 5 }, 0]);
});
