import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { test } from "node:test";
import { decodeChatMessage, encodeBody } from "@confab/contract";
import type { LogEntry, RoomId } from "../../core/index.js";
import { wholePage } from "../../testing/engine-suite/setup.js";
import { DedupeIndex } from "./dedupe-index.js";
import { DiskSpace } from "./disk-space.js";
import { GroupCommit } from "./group-commit.js";
import { entryKey } from "./keys.js";
import { LmdbLog } from "./lmdb-log.js";
import { RoomTable } from "./room-table.js";
import { openStore, type Store } from "./store.js";
import { openTestEngine, testFolder } from "./testing/test-engine.js";

const rooms = ["a", "b", "c"] as RoomId[];

/** A log on a store that a test makes fail. */
class FailingLog {
  readonly log: LmdbLog;
  readonly table: RoomTable;
  readonly heard: LogEntry[] = [];
  /** By room: what was acknowledged. */
  readonly acknowledged = new Map<RoomId, Map<number, string>>();
  /** Counted down by every single write; at 0 it throws. */
  writesUntilThrow = Number.POSITIVE_INFINITY;
  /** Counted down by every transaction; at 0 it fails as a whole, as LMDB's do. */
  transactionsUntilFailure = Number.POSITIVE_INFINITY;
  private sends = 0;
  private isLosing = false;

  constructor(readonly store: Store) {
    const failing: Store = {
      ...store,
      entries: this.throwing(store.entries),
      ids: this.throwing(store.ids),
      rooms: this.losing(store.rooms),
      write: (write) => {
        if (--this.transactionsUntilFailure !== 0) return store.write(write);
        // As LMDB does it: the writes are taken, and then nothing of them is stored.
        this.isLosing = true;
        write();
        this.isLosing = false;
        return Promise.reject(new Error("the disk has a scratch"));
      },
    };
    this.table = new RoomTable(failing, 10);
    const commits = new GroupCommit({
      store: failing,
      rooms: this.table,
      ids: new DedupeIndex(failing, 60_000),
      disk: new DiskSpace("/"),
      retention: {},
      clock: { nowMs: () => 1_767_323_045_000 },
      maxPendingSends: 1_000,
      maxPendingSendBytes: 1_000_000,
      onDurable: (_room, entries) => this.heard.push(...entries),
    });
    this.log = new LmdbLog(failing, this.table, commits);
  }

  /** Send in one turn to all rooms; returns how many were refused. */
  async sendAll(count: number): Promise<number> {
    const sends = Array.from({ length: count }, (_, i) => this.send(rooms[i % 3] as RoomId));
    return (await Promise.allSettled(sends)).filter(({ status }) => status === "rejected").length;
  }

  async check(where: string): Promise<void> {
    for (const [room, texts] of this.acknowledged) {
      const { entries, newest } = this.log.readForward(room, 0, wholePage);
      assert.deepEqual(
        [entries.length, newest],
        [texts.size, texts.size],
        `${where}: ${room} holds what was acknowledged`,
      );
      for (const { offset, body } of entries) assert.equal(decodeChatMessage(body).text, texts.get(offset), where);
    }
  }

  private async send(room: RoomId): Promise<void> {
    const text = `text ${++this.sends}`;
    const body = encodeBody({ user: "ann", text, room, id: "", sentAtMs: 1 });
    const { position, isDuplicate } = await this.log.append(room, { body, sentAtMs: 1, dedupeKey: text });
    assert.ok(!isDuplicate);
    const texts = this.acknowledged.get(room) ?? new Map<number, string>();
    this.acknowledged.set(room, texts.set(position.offset, text));
  }

  private throwing(database: Store["entries"]): Store["entries"] {
    return this.intercepting(database, () => {
      if (--this.writesUntilThrow === 0) throw new Error("a write that cannot be made");
    });
  }

  private losing(database: Store["entries"]): Store["entries"] {
    return this.intercepting(database, () => undefined);
  }

  private intercepting(database: Store["entries"], onPut: () => void): Store["entries"] {
    return new Proxy(database, {
      get: (target, name) => {
        const value: unknown = Reflect.get(target, name);
        if (typeof value !== "function") return value;
        return (...args: unknown[]) => {
          if (name === "put") {
            onPut();
            if (this.isLosing) return Promise.resolve(true);
          }
          return value.apply(target, args);
        };
      },
    });
  }
}

async function onFailingLog(run: (log: FailingLog) => Promise<void>): Promise<void> {
  const folder = testFolder();
  const store = await openStore(folder, "os");
  const failing = new FailingLog(store);
  try {
    await run(failing);
  } finally {
    await store.close();
  }
  // What a restart finds is the same, and goes on from there.
  const engine = await openTestEngine(folder);
  await engine.log.append("made.after.the.restart" as RoomId, {
    body: new Uint8Array(3),
    sentAtMs: 1,
    dedupeKey: undefined,
  });
  for (const [room, texts] of failing.acknowledged) {
    const { entries } = await engine.log.readForward(room, 0, wholePage);
    assert.deepEqual(
      entries.map(({ body }) => decodeChatMessage(body).text),
      [...texts.values()],
    );
    const { position } = await engine.log.append(room, { body: new Uint8Array(3), sentAtMs: 1, dedupeKey: undefined });
    assert.equal(position.offset, texts.size + 1);
  }
  await engine.close();
  rmSync(folder, { recursive: true });
}

for (let n = 1; n <= 13; n++) {
  // A message's key is a write as its body is, so six messages are twelve writes; the 13th is of the second turn.
  test(`when write ${n} throws, its send is refused and all others stand, in memory and after a restart`, async () => {
    await onFailingLog(async (failing) => {
      failing.writesUntilThrow = n;
      const refused = (await failing.sendAll(6)) + (await failing.sendAll(6));
      assert.equal(refused, 1);
      await failing.check(`write ${n}`);
      const newest = rooms.map((room) => failing.log.state(room).newest);
      assert.equal(
        newest.reduce((sum, each) => sum + each, 0),
        11,
      );
      assert.equal(failing.heard.length, 11, "the bus has what is stored");
    });
  });
}

// The room kept its number and the next one took another: after a restart the count of rooms said a number that was given.
test("a room whose only send is refused takes no number from the others", async () => {
  await onFailingLog(async (failing) => {
    failing.writesUntilThrow = 1;
    const refused = await failing.sendAll(2);
    assert.equal(refused, 1);
    assert.equal(failing.table.get("b" as RoomId)?.number, 1);
    await failing.check("after the refused room");
  });
});

for (let n = 1; n <= 4; n++) {
  test(`when transaction ${n} fails, its sends are refused with ENGINE_UNAVAILABLE and leave no trace`, async () => {
    await onFailingLog(async (failing) => {
      failing.transactionsUntilFailure = n;
      const refused: number[] = [];
      for (let turn = 1; turn <= 5; turn++) {
        refused.push(await failing.sendAll(6));
        await failing.check(`transaction ${n}, turn ${turn}`);
      }
      assert.deepEqual(
        refused,
        [1, 2, 3, 4, 5].map((turn) => (turn === n ? 6 : 0)),
      );
    });
  });
}

test("a new room is not there before its first message is durable, though the store shows it", async () => {
  const folder = testFolder();
  const store = await openStore(folder, "os");
  const table = new RoomTable(store, 10);
  const room = "new" as RoomId;
  const record = { ...table.draft(room, 0), newest: 1, bytes: 3 };
  await store.write(() => table.put(room, record));
  assert.equal(table.state(room).newest, 0);
  assert.deepEqual(table.list("", "", 10), []);
  table.committed(room, record);
  assert.equal(table.state(room).newest, 1);
  assert.deepEqual(table.list("", "", 10), [{ room, state: table.state(room) }]);
  await store.close();
  rmSync(folder, { recursive: true });
});

test("an entry past the newest durable one is never shown", async () => {
  await onFailingLog(async (failing) => {
    await failing.sendAll(3);
    const { number } = failing.table.get("a" as RoomId) ?? { number: 0 };
    await failing.store.write(() => void failing.store.entries.put(entryKey(number, 2), Buffer.from("later")));
    await failing.check("an entry of a commit that is not flushed");
    const { entries } = failing.log.readBackward("a" as RoomId, 100, wholePage);
    assert.equal(entries.length, 1);
  });
});
