import assert from "node:assert/strict";
import { aRoom, type Bench, type Define, otherRoom } from "./setup.js";

const windowMs = 60_000;
const hourMs = 3_600_000;
const dayMs = 24 * hourMs;

/** Ids and old messages while the wall clock is set, and while the window is changed. */
export function clocksSuite(define: Define): void {
  dedupeSuite(define);
  retentionSuite(define);
}

function dedupeSuite(define: Define): void {
  for (const backMs of [20, windowMs, 30 * dayMs]) {
    define(
      `a key is remembered for its window when the wall clock goes back by ${backMs} ms, also over a window's edge`,
      async (bench) => {
        toEdge(bench);
        await assertFirst(bench, "k");
        bench.clock.step(-backMs);
        await assertKnown(bench, "k");
        await assertFirst(bench, "after the step");
        bench.clock.advance(windowMs - 1);
        await assertKnown(bench, "k", "after the step");
      },
      { dedupeWindowMs: windowMs },
    );

    define(
      `a key is remembered when the wall clock went back by ${backMs} ms while the log was closed`,
      async (bench) => {
        toEdge(bench);
        await assertFirst(bench, "k");
        bench.clock.step(-backMs);
        await bench.reopen();
        await assertKnown(bench, "k");
        await assertFirst(bench, "after the step");
        bench.clock.advance(windowMs - 1);
        await assertKnown(bench, "k", "after the step");
      },
      { dedupeWindowMs: windowMs, needs: "survives a reopening" },
    );
  }

  define(
    "a key is remembered when the wall clock is 30 days ahead for a moment in which others are stored",
    async (bench) => {
      await assertFirst(bench, "before");
      bench.clock.step(30 * dayMs);
      await assertKnown(bench, "before");
      await assertFirst(bench, "meanwhile");
      bench.clock.step(-30 * dayMs);
      await assertKnown(bench, "before", "meanwhile");
      await assertFirst(bench, "after");
      bench.clock.advance(windowMs - 1);
      await assertKnown(bench, "before", "meanwhile", "after");
    },
    { dedupeWindowMs: windowMs, needs: "keeps ids while a clock is ahead" },
  );

  define(
    "keys are forgotten again after the wall clock was 30 days ahead for a moment",
    async (bench) => {
      bench.clock.step(30 * dayMs);
      await assertFirst(bench, "meanwhile");
      bench.clock.step(-30 * dayMs);
      await assertFirst(bench, "after");
      bench.clock.advance(2 * windowMs + 1);
      await assertFirst(bench, "later");
      bench.clock.advance(2 * windowMs + 1);
      await assertFirst(bench, "meanwhile", "after");
    },
    { dedupeWindowMs: windowMs, needs: "forgets ids after the window" },
  );

  for (const [change, before, after] of [
    ["shorter", 60_000, 10_000],
    ["longer", 10_000, 60_000],
  ] as const) {
    define(
      `with a ${change} window after a reopening, what was stored before is remembered for 10 s, the shorter of both`,
      async (bench) => {
        // Whenever the window began: each round is at another place in it.
        for (let round = 0; round < 12; round++) {
          await assertFirst(bench, `k${round}`);
          bench.clock.advance(5_001);
          await bench.reopen({ dedupeWindowMs: after });
          await assertKnown(bench, `k${round}`);
          await assertFirst(bench, `new${round}`);
          bench.clock.advance(4_998);
          await assertKnown(bench, `k${round}`);
          bench.clock.advance(after - 4_999);
          await assertKnown(bench, `new${round}`);
          await bench.reopen({ dedupeWindowMs: before });
          bench.clock.advance(2_345);
        }
      },
      { dedupeWindowMs: before, needs: "survives a reopening" },
    );
  }
}

function retentionSuite(define: Define): void {
  const options = { retention: { maxAgeMs: 2 * hourMs }, needs: "trims by age" } as const;

  define(
    "by age, a wall clock that is 30 days ahead for a moment drops nothing",
    async (bench) => {
      await bench.fill(3);
      bench.clock.step(30 * dayMs);
      await bench.fill(1);
      bench.clock.step(-30 * dayMs);
      await bench.fill(1);
      assert.deepEqual(await bench.offsets(), [1, 2, 3, 4, 5]);
    },
    options,
  );

  define(
    "by age, a wall clock that stays 30 days ahead is believed after an hour",
    async (bench) => {
      await bench.fill(3);
      bench.clock.step(30 * dayMs);
      await bench.fill(1);
      bench.clock.advance(hourMs - 1);
      await bench.fill(1);
      assert.deepEqual(await bench.offsets(), [1, 2, 3, 4, 5]);
      bench.clock.advance(1);
      await bench.fill(1);
      assert.deepEqual(await bench.offsets(), [4, 5, 6]);
    },
    options,
  );

  define(
    "by age, what was stored while the wall clock was behind is kept for an hour when it is right again",
    async (bench) => {
      bench.clock.step(-30 * dayMs);
      await bench.fill(2);
      bench.clock.step(30 * dayMs);
      await bench.fill(1);
      assert.deepEqual(await bench.offsets(), [1, 2, 3]);
      bench.clock.advance(hourMs);
      await bench.fill(1);
      assert.deepEqual(await bench.offsets(), [3, 4]);
    },
    options,
  );

  define(
    "by age, a log that is opened with the clock 30 days past its newest message waits an hour too",
    async (bench) => {
      await bench.fill(3);
      bench.clock.step(30 * dayMs);
      await bench.reopen();
      await bench.fill(1);
      assert.deepEqual(await bench.offsets(), [1, 2, 3, 4]);
      bench.clock.advance(hourMs);
      await bench.fill(1);
      assert.deepEqual(await bench.offsets(), [4, 5]);
    },
    { ...options, needs: "survives a reopening" },
  );

  define(
    "by age, a log that was closed for some hours drops what is old at once",
    async (bench) => {
      await bench.fill(3);
      await bench.fill(1, otherRoom);
      bench.clock.advance(5 * hourMs);
      await bench.reopen();
      await bench.fill(1);
      assert.deepEqual(await bench.offsets(aRoom), [4]);
    },
    { ...options, needs: "survives a reopening" },
  );
}

/** Advance to a multiple of the window since 1970. */
function toEdge({ clock }: Bench): void {
  clock.advance(windowMs - (clock.nowMs() % windowMs));
}

async function assertFirst(bench: Bench, ...keys: string[]): Promise<void> {
  for (const dedupeKey of keys)
    assert.equal((await bench.append("x", { dedupeKey })).isDuplicate, false, `${dedupeKey} is new`);
}

async function assertKnown(bench: Bench, ...keys: string[]): Promise<void> {
  for (const dedupeKey of keys)
    assert.equal((await bench.append("x", { dedupeKey })).isDuplicate, true, `${dedupeKey} is known`);
}
