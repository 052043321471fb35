import assert from "node:assert/strict";
import { test } from "node:test";
import { ConfabError } from "@confab/contract";
import { ManualTurns, settled } from "../testing/manual-turns.js";
import type { Share } from "./share.js";
import { Work } from "./work.js";

const bounds = { unitsPerTurn: 400, unitsPerShare: 100, maxTurnMs: 10 };

class TestWork extends Work {
  readonly turns: ManualTurns;
  /** What was done, in order. */
  readonly done: string[] = [];
  /** What the clock says. */
  readonly time: { ms: number };

  constructor() {
    const turns = new ManualTurns();
    const time = { ms: 0 };
    super({ afterTurn: (run) => turns.afterTurn(run), bounds, nowMs: () => time.ms });
    this.turns = turns;
    this.time = time;
  }

  /** Do a step as all callers do: now, or when its turn comes. */
  step(share: Share, name: string, units: number): void {
    const step = () => {
      this.done.push(name);
      share.spend(units);
    };
    if (share.isFree) step();
    else share.wait(step);
  }

  steps(share: Share, name: string, count: number, units: number): void {
    for (let i = 1; i <= count; i++) this.step(share, `${name}${i}`, units);
  }

  /** What was done since the last call. */
  taken(): string {
    return this.done.splice(0).join(" ");
  }
}

test("work is done at once while nothing waits and the bounds are kept", async () => {
  const work = new TestWork();
  const share = work.share();
  work.steps(share, "a", 4, 25);
  assert.equal(work.taken(), "a1 a2 a3 a4");
  assert.equal(work.counts.waits, 0);
  await work.turns.next();
  assert.ok(work.turns.isIdle, "no turn is called any more");
});

test("a connection past its share waits for the next turn, in order, and the others do not", async () => {
  const work = new TestWork();
  const [greedy, other] = [work.share(), work.share()];
  work.steps(greedy, "g", 8, 50);
  work.steps(other, "o", 1, 50);
  assert.equal(work.taken(), "g1 g2 o1");
  await work.turns.next();
  assert.equal(work.taken(), "g3 g4 g5 g6 g7 g8");
});

// Pages are accounted for as if they were full. What they gave back in the next turn made that one longer for them.
test("what is given back of an earlier turn makes no turn longer", async () => {
  const work = new TestWork();
  const [giving, other] = [work.share(), work.share()];
  giving.spend(100);
  work.step(giving, "g0", 0);
  work.step(other, "o0", 200);
  work.step(other, "o1", 10);
  await work.turns.next();
  work.taken();
  giving.spend(-95);
  work.steps(giving, "g", 8, 50);
  assert.equal(work.taken(), "g1 g2");
  await work.turns.next();
  assert.ok(work.counts.units >= 100 + 200 + 10 - 95 + 100);
});

test("a connection that waits alone goes on to the bound of the turn", async () => {
  const work = new TestWork();
  const greedy = work.share();
  work.steps(greedy, "g", 20, 50);
  assert.equal(work.taken().split(" ").length, 2);
  await work.turns.next();
  assert.equal(work.taken().split(" ").length, 8);
  assert.equal(work.counts.mostUnits, 400);
});

test("connections that wait are served in turn, each its share, and the turn ends when all were served", async () => {
  const work = new TestWork();
  const shares = ["a", "b", "c"].map((name) => [name, work.share()] as const);
  for (const [name, share] of shares) work.steps(share, name, 6, 50);
  assert.equal(work.taken(), "a1 a2 b1 b2 c1 c2");
  await work.turns.next();
  assert.equal(work.taken(), "a3 a4 b3 b4 c3 c4");
  await work.turns.next();
  assert.equal(work.taken(), "a5 a6 b5 b6 c5 c6");
  assert.equal(work.counts.mostUnitsBesideWaiting, 100);
});

test("one who has just begun to wait is served between those who have waited long, whatever their number", async () => {
  const work = new TestWork();
  for (let i = 0; i < 20; i++) work.steps(work.share(), "c", 20, 100);
  for (let turn = 0; turn < 10; turn++) await work.turns.next();
  work.done.length = 0;
  // The turn's own bound is used up, so that even a newcomer waits.
  work.step(work.share(), "x", 400);
  work.step(work.share(), "late", 10);
  assert.equal(work.taken(), "x");
  await work.turns.next();
  assert.equal(work.done[0], "late");
});

test("newcomers without end do not keep those from their turn who wait already", async () => {
  const work = new TestWork();
  work.steps(work.share(), "p", 8, 100);
  for (let turn = 0; turn < 40; turn++) {
    work.step(work.share(), "x", 400);
    for (let i = 0; i < 4; i++) work.step(work.share(), "n", 100);
    await work.turns.next();
  }
  assert.ok(work.done.includes("p8"), work.taken());
  assert.ok(work.waitingShares > 0, "newcomers wait");
});

test("a dear step is finished, and its connection pays for it in the turns that follow while others wait", async () => {
  const work = new TestWork();
  const [dear, other] = [work.share(), work.share()];
  work.steps(dear, "d", 3, 300);
  work.steps(other, "o", 9, 50);
  assert.equal(work.taken(), "d1 o1 o2");
  for (const expected of ["o3 o4", "o5 o6", "d2 o7 o8", "o9 d3"]) {
    await work.turns.next();
    assert.equal(work.taken(), expected);
  }
});

test("those who are all in debt are served all the same", async () => {
  const work = new TestWork();
  const shares = [work.share(), work.share()];
  for (const [index, share] of shares.entries()) work.steps(share, `${index}-`, 2, 1_000);
  await work.turns.untilIdle(4);
  assert.equal(work.done.length, 4);
});

test("work that waits while its connection is served is done in its turn, once", async () => {
  const work = new TestWork();
  const share = work.share();
  work.steps(share, "a", 2, 100);
  share.wait(() => {
    work.done.push("first");
    share.spend(100);
    work.step(share, "second", 10);
  });
  await work.turns.untilIdle();
  assert.equal(work.taken(), "a1 a2 first second");
  assert.equal(work.waitingShares, 0);
});

test("what a step leads to is done with it, before the steps that wait behind it", async () => {
  const work = new TestWork();
  const share = work.share();
  work.steps(share, "a", 2, 100);
  share.wait(() => {
    work.done.push("head");
    share.spend(20);
    work.step(share, "body", 20);
  });
  work.step(share, "behind", 20);
  await work.turns.untilIdle();
  assert.equal(work.taken(), "a1 a2 head body behind");
});

test("a turn that takes long is ended, whatever the units say", async () => {
  const work = new TestWork();
  const share = work.share();
  work.steps(share, "a", 1, 100);
  for (let i = 0; i < 5; i++) {
    share.wait(() => {
      work.done.push("slow");
      work.time.ms += 6;
      share.spend(1);
    });
  }
  await work.turns.next();
  assert.equal(work.taken(), "a1 slow slow");
  await work.turns.next();
  assert.equal(work.taken(), "slow slow");
});

test("the beginning of a step is accounted for at once, and may be given back in part", async () => {
  const work = new TestWork();
  const share = work.share();
  assert.equal(share.begin(100), undefined);
  let begun = 0;
  for (let i = 0; i < 6; i++) void share.begin(100)?.then(() => begun++);
  await settled();
  assert.equal(begun, 0);
  await work.turns.next();
  assert.equal(begun, 4, "as many as the turn holds");
  share.spend(-150);
  await work.turns.next();
  assert.equal(begun, 6);
});

test("CANCELLED for those who wait for a connection that has closed", async () => {
  const work = new TestWork();
  const share = work.share();
  share.spend(100);
  const isCancelled = (error: unknown) => error instanceof ConfabError && error.code === "CANCELLED";
  const rejection = assert.rejects(async () => await share.begin(10), isCancelled);
  share.close();
  await work.turns.next();
  await rejection;
});

test("a connection that closes while its requests wait for room gives that back", async () => {
  const work = new TestWork();
  const share = work.share();
  const rooms = [await share.roomForReply(), await share.roomForReply()];
  const isCancelled = (error: unknown) => error instanceof ConfabError && error.code === "CANCELLED";
  const rejections = [1, 2, 3].map(() => assert.rejects(share.roomForReply(), isCancelled));
  share.close();
  for (const room of rooms) room.release();
  await Promise.all(rejections);
  assert.equal(work.counts.replyBytes, 0);
});

test("a step that throws does not end the turns of the others", async () => {
  const work = new TestWork();
  const [broken, other] = [work.share(), work.share()];
  work.steps(broken, "b", 1, 400);
  broken.wait(() => {
    throw new Error("a bug");
  });
  work.step(other, "o", 10);
  await assert.rejects(work.turns.next(), /a bug/);
  await work.turns.untilIdle();
  assert.equal(work.taken(), "b1 o");
});
