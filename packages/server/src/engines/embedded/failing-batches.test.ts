import assert from "node:assert/strict";
import { test } from "node:test";
import { ConfabError, decodeChatMessage, encodeBody, limitsWith } from "@confab/contract";
import { type Appended, type NewEntry, type RoomId, sameForAll } from "../../core/index.js";
import { ManualClock } from "../../testing/engine-suite/index.js";
import { DiskSpace } from "./disk-space.js";
import { engineOn } from "./embedded-engine.js";
import type { Store } from "./store.js";
import { type Fate, MemoryDisk } from "./testing/memory-disk.js";
import { openBehindWal } from "./testing/memory-wal.js";

// All of a batch or none of it, on a disk that fails (testing/memory-disk.ts).

interface Stack {
  readonly name: string;
  /** Open what is durable, as a restart does. */
  readonly open: (disk: MemoryDisk) => Store;
  /** What becomes of the writes in which batches become durable, by their numbers from 1. */
  readonly fatesOf: (disk: MemoryDisk) => Map<number, Fate>;
}

const bare: Stack = { name: "a store", open: (disk) => disk.open(), fatesOf: ({ fates }) => fates };
const stacks: readonly Stack[] = [
  bare,
  { name: "a write-ahead log", open: openBehindWal, fatesOf: ({ walFates }) => walFates },
];

const room = "room" as RoomId;
const wholePage = { maxEntries: 10_000, maxBytes: 10_000_000 };

function openEngine(disk: MemoryDisk, { open }: Stack) {
  return engineOn(open(disk), new DiskSpace(async () => disk.freeBytes), {
    retention: sameForAll({}),
    dedupeWindowMs: 60_000,
    limits: limitsWith(),
    clock: new ManualClock(),
    log: { warn: () => undefined },
  });
}

type Engine = ReturnType<typeof openEngine>;

/** One whose id is its text; the engine takes any number of them at once. */
function entryOf(text: string): NewEntry {
  return { body: encodeBody({ user: "ann", text, room, id: text, sentAtMs: 1 }), sentAtMs: 1, dedupeKey: text };
}

async function textsOf({ log }: Engine): Promise<string[]> {
  const { entries } = (await log.readForward(room, 0, wholePage)).run;
  assert.deepEqual(
    entries.map(({ offset }) => offset),
    entries.map((_, index) => index + 1),
  );
  return entries.map(({ body }) => decodeChatMessage(body).text);
}

/** What each call of a turn is for: batches between sends of one message, of which one repeats what stands before it. */
const turnOf = (turn: number): string[][] => [
  [`${turn} one`],
  [`${turn} a`, `${turn} b`, `${turn} c`],
  [`${turn} two`],
  [`${turn} d`, `${turn} b`, `${turn} e`],
];

interface Sent {
  readonly texts: readonly string[];
  readonly outcome: readonly Appended[] | Error;
}

/** It ends when the power fails: what is on its way then has no answer. */
async function chat(engine: Engine, disk: MemoryDisk, turns: number): Promise<Sent[]> {
  const powerFailure = new Promise<Error>((resolve) => {
    disk.onCut = () => resolve(new ConfabError("OUTCOME_UNKNOWN", "the power failed"));
  });
  const all: Sent[] = [];
  for (let turn = 1; turn <= turns && !disk.isCut; turn++) {
    const sends = turnOf(turn).map(async (texts): Promise<Sent> => {
      const answer = engine.log.appendAll(room, texts.map(entryOf)).catch((error: Error) => error);
      return { texts, outcome: await Promise.race([answer, powerFailure]) };
    });
    all.push(...(await Promise.all(sends)));
    disk.freeBytes = 1_000_000_000;
  }
  return all;
}

/** Each batch is whole or absent; what was acknowledged is at its places; what was refused for good is not there. */
async function prove(engine: Engine, all: readonly Sent[]): Promise<void> {
  const texts = await textsOf(engine);
  assert.equal(new Set(texts).size, texts.length);
  for (const { texts: sent, outcome } of all) {
    if (outcome instanceof Error) {
      const own = sent.filter(
        (text) => text === sent[0] || !all.some((other) => other.texts !== sent && other.texts.includes(text)),
      );
      const present = own.filter((text) => texts.includes(text));
      if (outcome instanceof ConfabError && outcome.code === "OUTCOME_UNKNOWN")
        assert.ok(present.length === 0 || present.length === own.length, `${sent}: ${present} of it is there`);
      else assert.deepEqual(present, [], `${sent} was refused`);
    } else {
      for (const [index, text] of sent.entries()) assert.equal(texts[(outcome[index]?.position.offset ?? 0) - 1], text);
      const fresh = outcome.filter(({ isDuplicate }) => !isDuplicate).map(({ position }) => position.offset);
      assert.deepEqual(
        fresh,
        fresh.map((_, index) => (fresh[0] ?? 0) + index),
      );
    }
  }
}

/** Everything again, with the ids that it had: all of it is there then, and each text where its answer says. */
async function proveRepeats(engine: Engine, disk: MemoryDisk, turns: number): Promise<void> {
  const again = await chat(engine, disk, turns);
  const texts = await textsOf(engine);
  assert.equal(new Set(texts).size, texts.length);
  for (const { texts: sent, outcome } of again) {
    assert.ok(!(outcome instanceof Error), `${sent}: ${outcome}`);
    for (const [index, text] of sent.entries()) assert.equal(texts[(outcome[index]?.position.offset ?? 0) - 1], text);
  }
}

const turns = 4;

for (const stack of stacks) {
  for (const fate of ["EIO", "ENOSPC", "lost", "kept", "cut", "cut kept"] as readonly Fate[]) {
    test(`${stack.name}: when a write ends with ${fate}, each of its batches is whole or absent, and can be sent again`, async () => {
      let failures = 0;
      for (let n = 1; n <= turns; n++) {
        const disk = new MemoryDisk();
        stack.fatesOf(disk).set(n, fate);
        const engine = openEngine(disk, stack);
        const all = await chat(engine, disk, turns);
        failures += all.filter(({ outcome }) => outcome instanceof Error).length;
        if (!disk.isCut) await prove(engine, all);
        const reopened = openEngine(disk, stack);
        await prove(reopened, all);
        await proveRepeats(reopened, disk, turns);
      }
      // A write-ahead log that has content tries once more, at the beginning of its other file.
      assert.ok(failures > 0);
    });
  }

  for (let n = 1; n <= 24; n++) {
    test(`${stack.name}: when read ${n} cannot be made, batches are whole or absent`, async () => {
      const disk = new MemoryDisk();
      const engine = openEngine(disk, stack);
      disk.readsUntilThrow = n;
      const all = await chat(engine, disk, turns);
      disk.readsUntilThrow = Number.POSITIVE_INFINITY;
      await prove(engine, all);
      const reopened = openEngine(disk, stack);
      await prove(reopened, all);
      await proveRepeats(reopened, disk, turns);
    });
  }
}

// A turn is eight changes: the ids of eight messages. The first turn has one more, their bucket. Behind a write-ahead log no
// change is made while a batch waits for its answer.
for (let n = 1; n <= 2 * 8 + 1; n++) {
  test(`when change ${n} cannot be made, its batch leaves nothing behind, no id either, and the others stand`, async () => {
    const disk = new MemoryDisk();
    disk.changesUntilThrow = n;
    const engine = openEngine(disk, bare);
    const all = await chat(engine, disk, turns);
    assert.equal(all.filter(({ outcome }) => outcome instanceof Error).length, 1);
    await prove(engine, all);
    const reopened = openEngine(disk, bare);
    await prove(reopened, all);
    await proveRepeats(reopened, disk, turns);
  });
}

for (const stack of stacks) {
  test(`${stack.name}: a refused batch quotes only positions that are durable`, async () => {
    const disk = new MemoryDisk();
    const engine = openEngine(disk, stack);
    const { epoch } = await engine.log.state(room);
    const empty = { epoch, offset: 0 };
    const contend = () =>
      Promise.allSettled(["a", "b"].map((text) => engine.log.appendAll(room, [entryOf(text)], empty)));
    // The winner of this commit is not stored, so the other one must not get its position.
    stack.fatesOf(disk).set(1, "EIO");
    const failed = await contend();
    assert.deepEqual(
      failed.map((each) => each.status === "rejected" && each.reason.code),
      ["ENGINE_UNAVAILABLE", "ENGINE_UNAVAILABLE"],
    );
    const outcomes = await contend();
    assert.deepEqual(
      outcomes.map((each) => (each.status === "rejected" ? each.reason.code : each.value[0]?.position.offset)),
      [1, "UNEXPECTED_POSITION"],
    );
  });
}
