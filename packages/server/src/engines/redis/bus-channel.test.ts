import assert from "node:assert/strict";
import { mock, test } from "node:test";
import { type RoomListener, Run } from "../../core/index.js";
import { BusChannel } from "./bus-channel.js";

function run(from: number, to = from): Run {
  return Run.of(from, Array(to - from + 1).fill(new Uint8Array()));
}

/** A channel with a listener that writes down what it is given. */
function listening(): { readonly channel: BusChannel; readonly given: string[] } {
  const channel = new BusChannel();
  const given: string[] = [];
  const listener: RoomListener = {
    entries: (epoch, some) => given.push(...some.entries.map(({ offset }) => `${epoch}:${offset}`)),
    interrupted: () => given.push("interrupted"),
    erased: () => given.push("erased"),
    signal: () => undefined,
    presence: () => undefined,
  };
  channel.listeners.add(listener);
  return { channel, given };
}

test("what this node appended is given once, whichever of the answer and Redis comes first", () => {
  const { channel, given } = listening();
  channel.appended(1, run(1, 2));
  channel.heard(1, run(1, 2));
  channel.heard(1, run(3));
  channel.appended(1, run(3));
  assert.deepEqual(given, ["1:1", "1:2", "1:3"]);
  assert.ok(channel.isGiven({ epoch: 1, last: 3 }));
  assert.ok(!channel.isGiven({ epoch: 1, last: 4 }) && !channel.isGiven({ epoch: 2, last: 1 }));
});

test("an answer that overtook what others appended waits for it, so that no hole is shown", () => {
  const { channel, given } = listening();
  channel.heard(1, run(1));
  channel.appended(1, run(4));
  channel.appended(1, run(6));
  assert.deepEqual(given, ["1:1"]);
  channel.heard(1, run(2));
  channel.heard(1, run(3));
  assert.deepEqual(given, ["1:1", "1:2", "1:3", "1:4"]);
  channel.heard(1, run(4));
  channel.heard(1, run(5));
  channel.heard(1, run(6, 7));
  assert.deepEqual(given.slice(4), ["1:5", "1:6", "1:7"]);
});

test("what never comes is not waited for: the hole is shown, and the log fills it", () => {
  mock.timers.enable({ apis: ["setTimeout"] });
  try {
    const { channel, given } = listening();
    channel.heard(1, run(1));
    channel.appended(1, run(3));
    mock.timers.tick(49);
    assert.deepEqual(given, ["1:1"]);
    mock.timers.tick(1);
    assert.deepEqual(given, ["1:1", "1:3"]);
  } finally {
    mock.timers.reset();
  }
});

test("a bounded number of own runs waits", () => {
  const { channel, given } = listening();
  channel.heard(1, run(1));
  for (let own = 0; own < 64; own++) channel.appended(1, run(3 + own));
  assert.equal(given.length, 65);
});

test("an interruption gives what waits first, and a new epoch begins anew whatever its offsets", () => {
  const { channel, given } = listening();
  channel.heard(1, run(1));
  channel.appended(1, run(3));
  channel.interrupted();
  channel.appended(1, run(9));
  channel.heard(2, run(1));
  assert.deepEqual(given, ["1:1", "1:3", "interrupted", "1:9", "2:1"]);
  channel.close();
});

test("an older run that comes again gives nothing, and what follows it is not given again either", () => {
  const { channel, given } = listening();
  channel.heard(1, run(1, 5));
  channel.heard(1, run(1, 3));
  channel.heard(1, run(4, 6));
  assert.deepEqual(given, ["1:1", "1:2", "1:3", "1:4", "1:5", "1:6"]);
});

test("what waited is given before the news that something was erased", () => {
  const { channel, given } = listening();
  channel.heard(1, run(1));
  channel.appended(1, run(3));
  channel.erased();
  assert.deepEqual(given, ["1:1", "1:3", "erased"]);
});
