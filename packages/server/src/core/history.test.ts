import assert from "node:assert/strict";
import { test } from "node:test";
import { ConfabError } from "@confab/contract";
import { settled } from "../testing/manual-turns.js";
import { lobby, offsets, TestHub } from "../testing/test-hub.js";
import { Work } from "../work/index.js";
import { type HistoryBounds, type HistoryRequest, readHistory } from "./history.js";
import type { ReadableLog } from "./ports.js";

const newest: HistoryRequest = { room: lobby, after: undefined, before: undefined, limit: 4, isOldestFirst: false };

/** A page of these bounds holds whatever the tests put into it. */
const roomy: HistoryBounds = {
  maxBytes: 1_000,
  sizesOf: (_epoch, { count }) => Array(count).fill(1),
  share: new Work().share(),
  unitsPerEntry: 1,
  unitsPerKib: 1,
};

async function filled(count: number): Promise<TestHub> {
  const hub = new TestHub();
  await hub.say(count);
  return hub;
}

async function page(hub: TestHub, request: Partial<HistoryRequest> = {}) {
  const { run, hasMore } = await readHistory(hub.engine.log, { ...newest, ...request }, roomy);
  return { offsets: run.entries.map(({ offset }) => offset), hasMore };
}

const at = (offset: number, epoch = 7) => ({ epoch, offset });

test("without a cursor it is the newest page, or the oldest", async () => {
  const hub = await filled(10);
  assert.deepEqual(await page(hub), { offsets: [7, 8, 9, 10], hasMore: true });
  assert.deepEqual(await page(hub, { isOldestFirst: true }), { offsets: [1, 2, 3, 4], hasMore: true });
  assert.deepEqual(await page(hub, { limit: 10 }), { offsets: offsets(1, 10), hasMore: false });
  assert.deepEqual(await page(hub, { limit: 10, isOldestFirst: true }), { offsets: offsets(1, 10), hasMore: false });
});

test("an empty room has an empty page in every direction", async () => {
  const hub = new TestHub();
  for (const request of [{}, { isOldestFirst: true }, { after: at(0) }, { before: at(1) }]) {
    assert.deepEqual(await page(hub, request), { offsets: [], hasMore: false });
  }
});

test("pages forward and backward meet every message once", async () => {
  const hub = await filled(11);
  hub.engine.trim(lobby, 2);
  const forward: number[] = [];
  for (let after = 2, hasMore = true; hasMore; after = forward.at(-1) ?? 0) {
    const read = await page(hub, { after: at(after) });
    forward.push(...read.offsets);
    hasMore = read.hasMore;
  }
  assert.deepEqual(forward, offsets(3, 11));
  const backward: number[] = [];
  for (let before = 12, hasMore = true; hasMore; before = backward[0] ?? 0) {
    const read = await page(hub, { before: at(before) });
    backward.unshift(...read.offsets);
    hasMore = read.hasMore;
  }
  assert.deepEqual(backward, offsets(3, 11));
});

test("at the ends of the log a page is empty and not an error", async () => {
  const hub = await filled(5);
  assert.deepEqual(await page(hub, { after: at(5) }), { offsets: [], hasMore: false });
  assert.deepEqual(await page(hub, { before: at(1) }), { offsets: [], hasMore: false });
  assert.deepEqual(await page(hub, { before: at(6) }), { offsets: [2, 3, 4, 5], hasMore: true });
});

for (const [what, request] of [
  ["after a trimmed position", { after: at(1) }],
  ["before a trimmed position", { before: at(2) }],
  ["after a position past the end", { after: at(6) }],
  ["before a position past the end", { before: at(7) }],
  ["after a position of another epoch", { after: at(3, 8) }],
  ["before a position of another epoch", { before: at(3, 8) }],
] as const) {
  test(`OUT_OF_RANGE for the page ${what}`, async () => {
    const hub = await filled(5);
    hub.engine.trim(lobby, 2);
    await assert.rejects(page(hub, request), (error: unknown) => {
      assert.ok(error instanceof ConfabError && error.code === "OUT_OF_RANGE");
      assert.deepEqual(error.facts.range, { room: "lobby", epoch: 7, oldest: 3, newest: 5 });
      return true;
    });
  });
}

// The page began after the trimmed messages, as if there had been none.
test("OUT_OF_RANGE when the room is trimmed past the cursor between the look at it and the reading", async () => {
  const hub = await filled(9);
  hub.engine.isSlow = true;
  const reading = page(hub, { after: at(2) });
  hub.engine.releaseOne();
  await settled();
  hub.engine.trim(lobby, 5);
  hub.engine.releaseOne();
  await assert.rejects(reading, (error: unknown) => error instanceof ConfabError && error.code === "OUT_OF_RANGE");
});

test("a page that is read in several pieces has no hole, in either direction", async () => {
  const hub = await filled(700);
  assert.deepEqual(await page(hub, { limit: 600 }), { offsets: offsets(101, 700), hasMore: true });
  assert.deepEqual(await page(hub, { limit: 600, after: at(0) }), { offsets: offsets(1, 600), hasMore: true });
  assert.deepEqual(await page(hub, { limit: 1_000, after: at(99) }), { offsets: offsets(100, 700), hasMore: false });
  assert.deepEqual(await page(hub, { limit: 1_000 }), { offsets: offsets(1, 700), hasMore: false });
});

test("a page ends before the entry that would make it too large, counted from its cursor", async () => {
  const hub = await filled(10);
  const sized = async (maxBytes: number, request: Partial<HistoryRequest>) => {
    const sizesOf: HistoryBounds["sizesOf"] = (epoch, { entries }) =>
      entries.map(({ offset }) => (epoch === 7 && offset === 6 ? 50 : 10));
    const asked = { ...newest, limit: 10, ...request };
    const { run, hasMore } = await readHistory(hub.engine.log, asked, { ...roomy, maxBytes, sizesOf });
    return { offsets: run.entries.map(({ offset }) => offset), hasMore };
  };
  assert.deepEqual(await sized(40, { after: at(0) }), { offsets: [1, 2, 3, 4], hasMore: true });
  assert.deepEqual(await sized(39, { after: at(0) }), { offsets: [1, 2, 3], hasMore: true });
  assert.deepEqual(await sized(40, {}), { offsets: [7, 8, 9, 10], hasMore: true });
  assert.deepEqual(await sized(99, {}), { offsets: offsets(6, 10), hasMore: true });
  assert.deepEqual(await sized(100, {}), { offsets: offsets(5, 10), hasMore: true });
  assert.deepEqual(await sized(140, {}), { offsets: offsets(1, 10), hasMore: false });
  // One entry always fits, or no reader could get past it.
  assert.deepEqual(await sized(1, { after: at(5) }), { offsets: [6], hasMore: true });
  assert.deepEqual(await sized(1, { before: at(7) }), { offsets: [6], hasMore: true });
});

test("a page ends where the room was trimmed between two of its pieces", async () => {
  const hub = await filled(400);
  hub.engine.isSlow = true;
  const reading = page(hub, { after: at(0), limit: 400 });
  for (let reads = 0; reads < 2; reads++) {
    hub.engine.releaseOne();
    await settled();
  }
  hub.engine.trim(lobby, 300);
  hub.engine.releaseOne();
  assert.deepEqual(await reading, { offsets: offsets(1, 50), hasMore: true });
});

/** Messages, and changes of the first one: `m` and `c`. */
async function mixed(entries: string): Promise<TestHub> {
  const hub = new TestHub();
  const share = { begin: () => undefined, spend: () => undefined };
  for (const kind of entries) {
    if (kind === "m") await hub.say();
    else {
      const change = { kind: "reaction", emoji: "+1", removed: false } as const;
      const content = { user: "ann", text: "", id: "", refusalFor: () => undefined };
      await hub.hub.change({ room: lobby, position: at(1), change, share, ...content });
    }
  }
  return hub;
}

test("pages of messages meet each message once and no change, in both directions and with any limit", async () => {
  for (const entries of ["mcccmcm", "mc", "mmccc", "mcmcmcmcmcmcm", `m${"c".repeat(700)}m${"c".repeat(60)}mm`]) {
    const hub = await mixed(entries);
    const all = offsets(1, entries.length);
    const messages = all.filter((offset) => entries[offset - 1] === "m");
    for (const limit of [1, 2, 3, 50]) {
      for (const [wantsChanges, wanted] of [
        [false, messages],
        [true, all],
      ] as const) {
        const forward: number[] = [];
        for (let after = 0, hasMore = true; hasMore; after = forward.at(-1) ?? 0) {
          const read = await page(hub, { after: at(after), limit, wantsChanges });
          assert.ok(read.offsets.length > 0 || !read.hasMore, "an empty page is the last one");
          forward.push(...read.offsets);
          hasMore = read.hasMore;
        }
        assert.deepEqual(forward, wanted);
        const backward: number[] = [];
        for (let before = entries.length + 1, hasMore = true; hasMore; before = backward[0] ?? 0) {
          const read = await page(hub, { before: at(before), limit, wantsChanges });
          backward.unshift(...read.offsets);
          hasMore = read.hasMore;
        }
        assert.deepEqual(backward, wanted);
      }
    }
  }
});

test("a page that bytes end before its limit goes on with the next message", async () => {
  const hub = await mixed("mcmccmcm");
  const small = { ...roomy, maxBytes: 2 };
  const request = { ...newest, limit: 9 };
  const forward = await readHistory(hub.engine.log, { ...request, after: at(0) }, small);
  assert.deepEqual([forward.run.entries.map(({ offset }) => offset), forward.hasMore], [[1, 3], true]);
  const backward = await readHistory(hub.engine.log, request, small);
  assert.deepEqual([backward.run.entries.map(({ offset }) => offset), backward.hasMore], [[6, 8], true]);
});

test("many changes are passed over in large pieces", async () => {
  const hub = await mixed(`m${"c".repeat(2_000)}`);
  const before = hub.engine.reads;
  assert.deepEqual(await page(hub, { after: at(1), limit: 1 }), { offsets: [], hasMore: false });
  assert.ok(hub.engine.reads - before < 10, `${hub.engine.reads - before} reads`);
});

test("the steps of a page stay small where a piece that is looked through is full of messages", async () => {
  const hub = await mixed("m".repeat(60).concat("c".repeat(100), "m".repeat(1_000), "c".repeat(60)));
  const steps: number[] = [];
  const share: HistoryBounds["share"] = { begin: (units) => void steps.push(units), spend: () => undefined };
  for (const cursor of [{ after: at(60) }, { before: at(1_220) }]) {
    steps.length = 0;
    const bounds = { ...roomy, share, maxBytes: 1_000_000, unitsPerEntry: 10, unitsPerKib: 0 };
    const { run, hasMore } = await readHistory(hub.engine.log, { ...newest, ...cursor, limit: 900 }, bounds);
    assert.deepEqual([run.count, hasMore, run.last - run.first], [900, true, 899]);
    assert.ok(Math.max(...steps) <= 500, `${Math.max(...steps)} units`);
    // Each of the messages was accounted for before it was taken.
    assert.ok(steps.reduce((sum, units) => sum + units) >= 9_000);
  }
});

test("a page that has only passed changes over when the log is replaced is empty, and the last one", async () => {
  const { log } = (await mixed(`m${"c".repeat(100)}m`)).engine;
  let reads = 0;
  const replaced: ReadableLog = {
    state: (room) => log.state(room),
    list: (...asked) => log.list(...asked),
    readBackward: (...asked) => log.readBackward(...asked),
    readForward: async (...asked) => ({ ...(await log.readForward(...asked)), ...(reads++ > 0 && { epoch: 8 }) }),
  };
  const { run, hasMore } = await readHistory(replaced, { ...newest, after: at(1) }, roomy);
  assert.deepEqual([run.count, hasMore], [0, false]);
});

test("a page that may not scan passes over a few hundred changes, and says where there are more", async () => {
  const few = await mixed(`m${"c".repeat(500)}m`);
  const many = await mixed(`m${"c".repeat(2_000)}m`);
  const sparse = await mixed(`m${"cccccccccm".repeat(200)}`);
  let read = 0;
  const share: HistoryBounds["share"] = { begin: () => undefined, spend: () => undefined };
  for (const [hub, isCutShort] of [
    [few, undefined],
    [many, true],
    [sparse, true],
  ] as const) {
    const { memory } = hub.engine;
    const readBackward = memory.readBackward.bind(memory);
    memory.readBackward = (...asked) => {
      const page = readBackward(...asked);
      read += page.run.count;
      return page;
    };
    read = 0;
    const asked = { ...newest, limit: 400 };
    assert.equal(
      (await readHistory(hub.engine.log, asked, { ...roomy, share, mayScan: false })).isCutShort,
      isCutShort,
    );
    assert.ok(read <= 1_200, `${read} entries were looked at`);
    assert.equal((await readHistory(hub.engine.log, asked, { ...roomy, share })).isCutShort, undefined);
  }
});
