import assert from "node:assert/strict";
import { test } from "node:test";
import { ConfabError } from "@confab/contract";
import { settled } from "../testing/manual-turns.js";
import { lobby, offsets, TestHub } from "../testing/test-hub.js";
import { type HistoryRequest, readHistory } from "./history.js";

const newest: HistoryRequest = { room: lobby, after: undefined, before: undefined, limit: 4, isOldestFirst: false };

async function filled(count: number): Promise<TestHub> {
  const hub = new TestHub();
  await hub.say(count);
  return hub;
}

async function page(hub: TestHub, request: Partial<HistoryRequest> = {}) {
  const { entries, hasMore } = await readHistory(hub.engine.log, { ...newest, ...request });
  return { offsets: entries.map(({ offset }) => offset), hasMore };
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
