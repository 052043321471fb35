import assert from "node:assert/strict";
import { test } from "node:test";
import { settled } from "../testing/manual-turns.js";
import { OffsetEncoding, RecordingSink } from "../testing/recording-sink.js";
import { lobby, offsets, TestHub } from "../testing/test-hub.js";
import { Page, PageCache } from "./page-cache.js";
import { Run } from "./run.js";
import type { ReadableRoom } from "./subscription.js";

/** A room of so many messages, and readers that come back at once, each after the offset it names. */
async function returningReaders(messages: number, cursors: readonly number[]) {
  const hub = new TestHub();
  await hub.sayAndDeliver(messages);
  const encoding = new OffsetEncoding();
  const sinks = cursors.map(() => new RecordingSink(encoding));
  const resume = () =>
    hub.subscribeAll(sinks.map((sink, index) => [sink, { after: { epoch: 7, offset: cursors[index] ?? 0 } }]));
  return { hub, encoding, sinks, resume };
}

test("readers who come back together share each page's reading and encoding", async () => {
  const { hub, encoding, sinks, resume } = await returningReaders(1_000, Array(200).fill(0));
  await resume();
  await hub.turns.untilIdle();
  assert.deepEqual([hub.engine.reads, encoding.encodings], [4, 4]);
  for (const sink of sinks) assert.deepEqual(sink.offsets, offsets(1, 1_000));
});

test("readers from different places share what follows the next end of a page", async () => {
  const cursors = offsets(1, 20);
  const { hub, sinks, resume } = await returningReaders(1_024, cursors);
  await resume();
  await hub.turns.untilIdle();
  assert.equal(hub.engine.reads, 20 + 3);
  sinks.forEach((sink, index) => {
    assert.deepEqual(sink.offsets, offsets(index + 2, 1_024));
  });
});

/** From here on pages are read only when the test says so: what is asked for and not answered yet. */
function holdReads({ engine }: TestHub): (() => void)[] {
  const held: (() => void)[] = [];
  engine.readForward = (...asked) =>
    new Promise((resolve) => {
      held.push(() => resolve(engine.memory.readForward(...asked)));
    });
  return held;
}

test("a page that is being read for one is waited for by the others, and each is asked for once", async () => {
  const { hub, sinks, resume } = await returningReaders(500, Array(100).fill(0));
  const held = holdReads(hub);
  await resume();
  for (const page of [1, 2]) {
    await hub.turns.untilIdle();
    assert.equal(held.length, page);
    held[page - 1]?.();
    await settled();
  }
  await hub.turns.untilIdle();
  assert.equal(held.length, 2);
  for (const sink of sinks) assert.deepEqual(sink.offsets, offsets(1, 500));
});

test("a log that answers later is asked for a few pages at a time, and everybody has a turn", async () => {
  const { hub, sinks, resume } = await returningReaders(300, offsets(0, 99));
  const held = holdReads(hub);
  await resume();
  let most = 0;
  await hub.turns.untilIdle();
  while (held.length > 0) {
    most = Math.max(most, held.length);
    for (const answer of held.splice(0)) answer();
    await settled();
    await hub.turns.untilIdle();
  }
  assert.equal(most, 16);
  sinks.forEach((sink, index) => {
    assert.deepEqual(sink.offsets, offsets(index + 1, 300));
  });
});

test("an encoding that throws ends its reader, and a page that was read for it still serves the others", async () => {
  for (const isSlow of [false, true]) {
    const { hub, sinks, resume } = await returningReaders(300, [0, 0]);
    const broken = new OffsetEncoding("broken");
    broken.encode = () => {
      throw new Error("a bug in the encoding");
    };
    const ended = new RecordingSink(broken);
    await hub.subscribe(ended, { after: { epoch: 7, offset: 0 } });
    await resume();
    hub.engine.isSlow = isSlow;
    for (let i = 0; i < 4; i++) {
      await hub.turns.untilIdle();
      hub.engine.releaseAll();
      await settled();
    }
    assert.equal(ended.endedWith?.code, "INTERNAL");
    for (const sink of sinks) assert.deepEqual(sink.offsets, offsets(1, 300));
  }
});

test("a page that ended with the log is not given to a reader once more has come", () => {
  const room = { id: lobby, epoch: 7, top: 3 } as { top: number } & ReadableRoom;
  const pages = new PageCache();
  const run = Run.of(1, Array(3).fill(new Uint8Array(1)));
  const page = new Page(room, 0, run, false);
  pages.add(page);
  assert.equal(pages.find(room, 0), page);
  room.top = 4;
  assert.equal(pages.find(room, 0), undefined);
});

test("the cache is bounded, and keeps a page once and apart from other rooms' pages", () => {
  const room = { id: lobby, epoch: 7, top: 0 } as ReadableRoom;
  const other = { ...room };
  const pages = new PageCache();
  const kept = () => offsets(0, 99).filter((after) => pages.find(room, after)).length;
  for (const after of offsets(0, 99)) {
    pages.add(new Page(room, after, new Run(after + 1, []), true));
    pages.add(new Page(room, after, new Run(after + 1, []), true));
  }
  assert.equal(kept(), 32);
  assert.equal(pages.find(other, 99), undefined);
  pages.clear();
  assert.equal(kept(), 0);
});
