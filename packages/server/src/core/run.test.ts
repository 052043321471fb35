import assert from "node:assert/strict";
import { test } from "node:test";
import { forEachSeed, type Random } from "@confab/contract/testing/random";
import { type Block, blockOf, type LogEntry } from "./blocks.js";
import { type PageBounds, Run, runBackward, runForward } from "./run.js";

function randomBodies(random: Random, count: number): Buffer[] {
  return Array.from({ length: count }, () => Buffer.alloc(random.pick([0, 1, 30, 300]), random.int(0, 255)));
}

/** The same messages in runs of random lengths, joined. */
function inParts(random: Random, first: number, bodies: readonly Buffer[]): Run {
  const runs: [Run, ...Run[]] = [new Run(first, [])];
  for (let at = 0; at < bodies.length; ) {
    const count = random.int(1, 5);
    runs.push(Run.of(first + at, bodies.slice(at, at + count)));
    at += count;
  }
  return Run.joined(runs);
}

function contentOf(run: Run): (readonly [offset: number, hex: string])[] {
  const seen: (readonly [number, string])[] = [];
  run.each((bytes, start, end, offset) => seen.push([offset, Buffer.from(bytes.subarray(start, end)).toString("hex")]));
  assert.equal(run.count, seen.length);
  assert.equal(
    run.bodyBytes,
    seen.reduce((sum, [, hex]) => sum + hex.length / 2, 0),
  );
  assert.deepEqual(
    run.entries.map(({ offset, body }) => [offset, Buffer.from(body).toString("hex")]),
    seen,
  );
  return seen;
}

test("a run is its messages, whatever parts it has and however it is cut", () => {
  forEachSeed(300, (random) => {
    const first = random.pick([1, 100, 2 ** 40]);
    const bodies = randomBodies(random, random.int(0, 25));
    const all = bodies.map((body, index) => [first + index, body.toString("hex")] as const);
    const run = inParts(random, first, bodies);
    if (random.oneIn(2)) assert.equal(run.entries.length, all.length, "made before it is cut");
    assert.deepEqual(contentOf(run), all);
    assert.equal(run.last, first + all.length - 1);
    const [from, to] = [first + random.int(-3, 28), first + random.int(-3, 28)];
    assert.deepEqual(
      contentOf(run.slice(from, to)),
      all.filter(([offset]) => offset >= from && offset <= to),
    );
    const maxBytes = random.pick([1, 31, 500, 10_000]);
    const pieces = run.cut(maxBytes);
    assert.deepEqual(pieces.flatMap(contentOf), all);
    for (const piece of pieces.slice(0, -1)) {
      assert.ok(piece.bodyBytes >= maxBytes && piece.slice(piece.first, piece.last - 1).bodyBytes < maxBytes);
    }
    const bounds = { maxEntries: random.int(1, 10), maxBytes: random.pick([1, 31, 500, 10_000]) };
    assert.deepEqual(contentOf(run.end(bounds)), lastOf(all, bounds));
  });
});

test("a run without changes is its messages at their offsets, however it is cut and joined", () => {
  forEachSeed(300, (random) => {
    const first = random.pick([1, 100, 2 ** 40]);
    const isChanged = random.pick([2, 3, 50]);
    const bodies = randomBodies(random, random.int(0, 25)).map((body) => {
      const marked = Buffer.concat([Buffer.from([random.oneIn(isChanged) ? 0x52 : 0x0a]), body]);
      return random.oneIn(20) ? Buffer.alloc(0) : marked;
    });
    const all = bodies.map((body, index) => [first + index, body.toString("hex")] as const);
    const wanted = all.filter(([, hex]) => !hex.startsWith("52"));
    const run = inParts(random, first, bodies);
    if (random.oneIn(2)) assert.equal(run.entries.length, all.length, "made before it is filtered");
    const { messages } = run;
    assert.equal(messages === run, wanted.length === all.length);
    assert.deepEqual(contentOf(messages), wanted);
    assert.equal(messages.messages, messages);
    if (wanted.length > 0) {
      assert.deepEqual([messages.first, messages.last], [wanted[0]?.[0], wanted.at(-1)?.[0]]);
      const place = random.int(0, wanted.length - 1);
      assert.equal(messages.offsetAt(place), wanted[place]?.[0]);
    }
    const [from, to] = [first + random.int(-3, 28), first + random.int(-3, 28)];
    const inRange = ([offset]: readonly [number, string]) => offset >= from && offset <= to;
    assert.deepEqual(contentOf(messages.slice(from, to)), wanted.filter(inRange));
    assert.deepEqual(contentOf(run.slice(from, to).messages), wanted.filter(inRange));
    const middle = first + random.int(-1, 26);
    const halves = [run.slice(first, middle).messages, run.slice(middle + 1, run.last).messages] as const;
    assert.deepEqual(contentOf(Run.joined(halves)), wanted);
    assert.deepEqual(messages.cut(random.pick([1, 31, 500])).flatMap(contentOf), wanted);
  });
});

test("the end of a run keeps no memory of the rest", () => {
  const end = Run.of(1, Array(1_000).fill(Buffer.alloc(1_000))).end({ maxEntries: 2, maxBytes: 10_000 });
  assert.deepEqual([end.first, end.count], [999, 2]);
  for (const { bytes } of end.parts) assert.ok(bytes.buffer.byteLength < 10_000);
});

type Content = readonly (readonly [offset: number, hex: string])[];

function firstOf(all: Content, { maxEntries, maxBytes }: PageBounds): Content {
  let bytes = 0;
  const end = all.findIndex(([, hex], index) => {
    bytes += hex.length / 2;
    return index + 1 === maxEntries || bytes >= maxBytes;
  });
  return end < 0 ? all : all.slice(0, end + 1);
}

function lastOf(all: Content, bounds: PageBounds): Content {
  return [...firstOf([...all].reverse(), bounds)].reverse();
}

function blockFrom(entries: readonly LogEntry[]): Block {
  const [first, last] = [entries[0]?.offset ?? 0, entries.at(-1)?.offset ?? -1];
  return { first, last, bytes: blockOf(entries.map(({ body }) => body)) };
}

/** Blocks of messages 1 to `count`; those of a store in two parts overlap. */
function randomBlocks(random: Random, entries: readonly LogEntry[]): Block[] {
  const blocks: Block[] = [];
  for (let at = 0; at < entries.length; ) {
    const count = random.int(1, 6);
    const from = random.oneIn(4) ? Math.max(0, at - random.int(0, 3)) : at;
    blocks.push(blockFrom(entries.slice(from, at + count)));
    // As a part of a store that has it still, which the other one has already.
    const end = Math.min(at + count, entries.length);
    if (random.oneIn(4)) blocks.push(blockFrom(entries.slice(random.int(at, end - 1), end)));
    at += count;
  }
  return blocks;
}

test("a range is read from blocks in both directions, within its bounds, each message once", () => {
  forEachSeed(500, (random) => {
    const entries = randomBodies(random, random.int(0, 40)).map((body, index) => ({ offset: index + 1, body }));
    const blocks = randomBlocks(random, entries);
    const range = { from: random.int(1, 45), to: random.int(0, 45) };
    const bounds = { maxEntries: random.int(1, 20), maxBytes: random.pick([1, 100, 1_000, 100_000]) };
    const wanted = entries
      .filter(({ offset }) => offset >= range.from && offset <= range.to)
      .map(({ offset, body }) => [offset, body.toString("hex")] as const);
    // As a store gives them: from the block with the beginning of the range on.
    const forward = blocks.filter(({ last }) => last >= range.from);
    const backward = blocks.filter(({ first }) => first <= range.to).reverse();
    assert.deepEqual(contentOf(runForward(forward, range, bounds)), firstOf(wanted, bounds));
    assert.deepEqual(contentOf(runBackward(backward, range, bounds)), lastOf(wanted, bounds));
  });
});

test("a range ends before what is missing or damaged, and one that begins with damage is refused", () => {
  const entries = Array.from({ length: 9 }, (_, index) => ({ offset: index + 1, body: Buffer.of(index) }));
  const [first, , last] = [0, 3, 6].map((at) => blockFrom(entries.slice(at, at + 3))) as [Block, Block, Block];
  const range = { from: 1, to: 9 };
  const bounds = { maxEntries: 100, maxBytes: 1_000 };
  const offsets = (run: Run) => run.entries.map(({ offset }) => offset);
  assert.deepEqual(offsets(runForward([first, last], range, bounds)), [1, 2, 3]);
  assert.deepEqual(offsets(runBackward([last, first], range, bounds)), [7, 8, 9]);
  assert.deepEqual(offsets(runForward([last], range, bounds)), [7, 8, 9], "what is missing at the front is left out");
  function* damaged(...blocks: Block[]) {
    yield* blocks;
    throw new Error("damage");
  }
  assert.deepEqual(offsets(runForward(damaged(first), range, bounds)), [1, 2, 3]);
  assert.deepEqual(offsets(runBackward(damaged(last), range, bounds)), [7, 8, 9]);
  assert.deepEqual(offsets(runForward(damaged(first), { from: 1, to: 3 }, bounds)), [1, 2, 3]);
  for (const read of [runForward, runBackward]) {
    assert.throws(() => read(damaged(), range, bounds), /damage/);
    assert.throws(() => read([{ ...first, bytes: first.bytes.subarray(0, 7) }], range, bounds), /cut off/);
  }
});
