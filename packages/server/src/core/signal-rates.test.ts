import assert from "node:assert/strict";
import { test } from "node:test";
import { ConfabError } from "@confab/contract";
import { forEachSeed } from "@confab/contract/testing/random";
import { ManualClock } from "../testing/engine-suite/index.js";
import type { RoomId } from "./index.js";
import { SignalRates } from "./signal-rates.js";

class Senders {
  readonly clock = new ManualClock();
  readonly rates: SignalRates;

  constructor(maxSignalsPerSecond: number, maxSignalSenders = 100) {
    this.rates = new SignalRates({ maxSignalsPerSecond, maxSignalSenders }, this.clock);
  }

  /** 0 if it may be sent, else how long to wait. */
  take(user = "ann", room = "lobby"): number {
    try {
      this.rates.take({ user, room: room as RoomId });
      return 0;
    } catch (thrown) {
      assert.ok(thrown instanceof ConfabError && thrown.code === "RATE_LIMITED");
      return thrown.facts.retryAfterMs ?? 0;
    }
  }

  taken(count: number, user?: string, room?: string): number {
    return Array.from({ length: count }, () => this.take(user, room)).filter((waitMs) => waitMs === 0).length;
  }
}

for (const rate of [1, 3, 7, 20, 1_000, 100_000]) {
  test(`a second's worth may come at once, and then ${rate} in a second`, () => {
    const senders = new Senders(rate);
    assert.deepEqual([senders.taken(rate - 1), senders.taken(1), senders.taken(1)], [rate - 1, 1, 0]);
    senders.clock.advance(1_000);
    assert.equal(senders.taken(2 * rate), rate);
    senders.clock.advance(60_000);
    assert.equal(senders.taken(2 * rate), rate, "silence saves up no more");
  });
}

test("who is refused is told how long to wait, and is not refused after that", () => {
  forEachSeed(50, (random) => {
    const senders = new Senders(random.int(1, 50));
    for (let i = 0; i < 200; i++) {
      const waitMs = senders.take();
      if (waitMs > 0) {
        senders.clock.advance(waitMs - 1);
        assert.equal(senders.take(), 1);
        senders.clock.advance(1);
        assert.equal(senders.take(), 0);
      }
      senders.clock.advance(random.int(0, 100));
    }
  });
});

test("users and rooms are counted apart", () => {
  const senders = new Senders(2);
  assert.deepEqual([senders.taken(9, "ann"), senders.taken(9, "bob"), senders.taken(9, "ann", "other")], [2, 2, 2]);
});

test("a wall clock that is set gives no signals, delays none, and lets silent senders be forgotten", () => {
  for (const stepMs of [3_600_000, -3_600_000]) {
    const senders = new Senders(2);
    senders.taken(2);
    senders.clock.step(stepMs);
    assert.equal(senders.take(), 500);
    senders.clock.advance(500);
    assert.equal(senders.take(), 0);
    senders.clock.advance(1_000);
    senders.take("bob");
    assert.equal(senders.rates.senders, 1);
  }
});

test("senders are forgotten when they are silent, and past maxSignalSenders the one silent for longest", () => {
  const senders = new Senders(1, 3);
  for (const user of ["a", "b", "c"]) senders.take(user);
  assert.deepEqual([senders.rates.senders, senders.take("a")], [3, 1_000]);
  senders.take("d");
  assert.deepEqual([senders.rates.senders, senders.take("a"), senders.take("c")], [3, 1_000, 1_000]);
  assert.equal(senders.take("b"), 0, "forgotten, and begins anew");
  senders.clock.advance(1_000);
  senders.take("e");
  senders.take("e");
  senders.clock.advance(1_000);
  senders.take("e");
  assert.equal(senders.rates.senders, 1);
});
