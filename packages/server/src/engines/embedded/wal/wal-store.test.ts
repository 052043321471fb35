import assert from "node:assert/strict";
import { test } from "node:test";
import { ConfabError } from "@confab/contract";
import { Random } from "@confab/contract/testing/random";
import { blockOf, runBackward, runForward } from "../../../core/index.js";
import { withCode } from "../../../testing/engine-suite/setup.js";
import { type Store, WriteError } from "../store.js";
import { FailingServer } from "../testing/failing-server.js";
import { type Fate, MemoryDisk } from "../testing/memory-disk.js";
import { openBehindWal } from "../testing/memory-wal.js";
import { appliedIn } from "./wal-marks.js";
import type { WalStore } from "./wal-store.js";

function start(): Promise<FailingServer> {
  return FailingServer.start(openBehindWal);
}

async function storeAll(server: FailingServer): Promise<void> {
  await (server.store as WalStore).storeAll();
}

const records = 8;

function upTo(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index + 1);
}

test("nothing is acknowledged, read, listed or delivered before its record is flushed", async () => {
  const server = await start();
  server.disk.hold();
  const sends = [server.send("a", "one"), server.send("new", "two")];
  await server.rest();
  assert.deepEqual(
    [server.acknowledged, await server.logOf("a"), await server.rooms(), server.delivered("a")],
    [[], [], [], []],
  );
  server.disk.release();
  await Promise.all(sends);
  assert.deepEqual([await server.logOf("a"), await server.rooms()], [["one"], ["a", "new"]]);
  // The store below has none of it.
  assert.equal(server.disk.transactions, 0);
  await server.prove();
});

// Each fault comes with the store below empty, and with a part of the log in it.
for (const storesAt of [undefined, 3]) {
  const chat = async (server: FailingServer, turns: number) => {
    if (storesAt === undefined) return server.chat(turns);
    await server.chat(storesAt);
    await storeAll(server);
    return server.chat(turns - storesAt);
  };
  const where = storesAt === undefined ? "" : ", after a part was stored";

  for (const fate of ["EIO", "ENOSPC"] as const satisfies readonly Fate[]) {
    for (const n of upTo(records)) {
      test(`when record ${n} fails with ${fate}${where}, its sends go on or are refused, and leave no trace`, async () => {
        const server = await start();
        server.disk.walFates.set(n, fate);
        await chat(server, records + 2);
        const code = fate === "EIO" ? "ENGINE_UNAVAILABLE" : "STORAGE_FULL";
        assert.ok(server.refusals.every((refusal) => refusal.code === code));
        await server.prove();
        await server.restart();
        await server.prove();
        await server.chat(2);
        await server.prove();
      });
    }
  }

  for (const fate of ["lost", "kept"] as const satisfies readonly Fate[]) {
    for (const n of upTo(records)) {
      test(`when the disk does not confirm record ${n} and it is ${fate}${where}, no position is given twice`, async () => {
        const server = await start();
        server.disk.walFates.set(n, fate);
        await chat(server, records + 2);
        assert.deepEqual([...new Set(server.refusals.map(({ code }) => code))], ["OUTCOME_UNKNOWN"]);
        await server.prove();
        await server.restart();
        await server.chat(2);
        await server.prove();
      });

      test(`when record ${n} is ${fate}${where} and the server is killed before the next one, it may be there, once`, async () => {
        const server = await start();
        await chat(server, n);
        server.disk.walFates.set(server.disk.walRecords + 1, fate);
        await server.chat(1, { isRetrying: false });
        await server.restart();
        await server.prove();
        await server.chat(2);
        await server.prove();
        await server.restart();
        await server.prove();
      });

      test(`when record ${n} is ${fate}${where} and all is stored before the next one, the next one stands`, async () => {
        const server = await start();
        await chat(server, n);
        server.disk.walFates.set(server.disk.walRecords + 1, fate);
        await server.chat(1, { isRetrying: false });
        await storeAll(server);
        await server.chat(2);
        await server.restart();
        await server.prove();
      });
    }
  }

  for (const fate of ["cut", "cut kept"] as const satisfies readonly Fate[]) {
    for (const n of upTo(records)) {
      test(`when the power fails in record ${n} (${fate}${where}), a restart has what was acknowledged, once and in order`, async () => {
        const server = await start();
        server.disk.walFates.set(n, fate);
        await chat(server, records + 2);
        assert.ok(server.disk.isCut);
        await server.restart();
        await server.chat(3);
        await server.prove();
        await storeAll(server);
        await server.prove();
        await server.restart();
        await server.prove();
      });
    }
  }
}

for (const fate of ["EIO", "ENOSPC", "lost", "kept", "cut", "cut kept"] as const satisfies readonly Fate[]) {
  for (const n of upTo(3)) {
    test(`when storing fails with ${fate} at try ${n}, what was acknowledged stands, and is stored later`, async () => {
      const server = await start();
      server.disk.fates.set(n, fate);
      for (let round = 0; round < 4 && !server.disk.isCut; round++) {
        await server.chat(2, { isRetrying: false });
        await Promise.race([storeAll(server).catch(() => undefined), cutOf(server.disk)]);
        server.disk.freeBytes = 1_000_000_000;
      }
      await server.restart();
      await server.prove();
      await server.chat(2);
      await storeAll(server);
      await server.prove();
      await server.restart();
      await server.prove();
      assert.equal(appliedIn(server.disk.open()), server.disk.open().meta.get(Buffer.from("applied"))?.readDoubleBE(0));
    });
  }
}

function cutOf(disk: MemoryDisk): Promise<void> {
  return new Promise((resolve) => {
    if (disk.isCut) resolve();
    else disk.onCut = resolve;
  });
}

test("while the store below takes nothing, sends are refused after the next try, and go on when it does", async () => {
  const server = await start();
  await server.send("a", "one");
  for (const n of [1, 2, 3]) server.disk.fates.set(n, "ENOSPC");
  await assert.rejects(storeAll(server), WriteError);
  assert.equal(server.store.trouble(), "the log could not be written");
  await assert.rejects(server.send("a", "two"), withCode("STORAGE_FULL"));
  server.disk.freeBytes = 1_000_000_000;
  await assert.rejects(server.send("a", "three"), withCode("STORAGE_FULL"));
  server.disk.freeBytes = 1_000_000_000;
  assert.equal((await server.send("a", "four")).position.offset, 2);
  assert.equal(server.store.trouble(), undefined);
  await server.prove();
});

test("an error in the storing that nothing foresees is a refusal: nothing is lost, and it is tried again", async () => {
  const server = await start();
  await server.send("a", "one");
  // The store below is asked for the ids that it may let go of, and throws.
  server.disk.readsUntilThrow = 1;
  for (let sweep = 0; sweep < 5; sweep++) server.store.sweep();
  await server.rest();
  assert.equal(server.store.trouble(), "the log could not be stored");
  await server.send("a", "two");
  assert.equal(server.store.trouble(), undefined);
  await server.prove();
  await server.restart();
  await server.prove();
});

test("what is durable is stored after some sweeps, or when it is much", async () => {
  const disk = new MemoryDisk();
  const store = openBehindWal(disk);
  const put = (bytes: number) => store.write(() => void store.meta.put(Buffer.from("k"), Buffer.alloc(bytes)));
  await put(10);
  for (let sweep = 0; sweep < 4; sweep++) store.sweep();
  assert.equal(disk.transactions, 0);
  store.sweep();
  await new Promise(setImmediate);
  assert.equal(disk.transactions, 1);
  for (let sweep = 0; sweep < 20; sweep++) store.sweep();
  await new Promise(setImmediate);
  assert.equal(disk.transactions, 1, "nothing is stored while nothing new is durable");
  await put(5_000_000);
  await new Promise(setImmediate);
  assert.equal(disk.transactions, 2);
  assert.equal(disk.tables.meta.get("k")?.length, 5_000_000);
  await store.close();
});

test("what is stored while a record is being flushed does not count that record, and its file is kept for it", async () => {
  for (const fate of [undefined, "lost", "kept"] as const) {
    const server = await start();
    await server.chat(2);
    for (let round = 0; round < 4; round++) {
      server.disk.hold();
      if (fate) server.disk.walFates.set(server.disk.walRecords + 1, fate);
      const chatting = server.chat(1, { isRetrying: false });
      await server.rest();
      for (let sweep = 0; sweep < 5; sweep++) server.store.sweep();
      await server.rest();
      server.disk.release();
      await chatting;
      await server.chat(1);
      // A kill at this moment, with all that is in the files and the store now.
      await server.prove();
    }
    await server.restart();
    await server.prove();
    await server.chat(1);
    await server.prove();
  }
});

test("what waits for the store has a bound: a write waits for it", async () => {
  const disk = new MemoryDisk();
  const store = openBehindWal(disk);
  const put = (bytes: number) => store.write(() => void store.meta.put(Buffer.from("k"), Buffer.alloc(bytes)));
  await put(5_000_000);
  disk.hold();
  let written = 0;
  const writing = (async () => {
    for (; written < 8; written++) await put(5_000_000);
  })();
  // The flush of a record is held too; each release lets one thing go on.
  for (let turn = 0; turn < 50; turn++) await new Promise(setImmediate);
  assert.ok(written < 5, String(written));
  disk.release();
  await writing;
  await store.close();
});

test("reads see durable and stored messages as one, while they are stored and after", async () => {
  const disk = new MemoryDisk();
  const store: Store = openBehindWal(disk);
  const random = new Random(8);
  const model: string[] = [];
  let dropped = 0;
  const check = () => {
    const range = { from: dropped + 1, to: model.length };
    const bounds = { maxEntries: random.int(1, 50), maxBytes: 1_000_000 };
    const text = ({ body }: { readonly body: Uint8Array }) => Buffer.from(body).toString();
    assert.deepEqual(
      runForward(store.entries.forward(1, range.from), range, bounds).entries.map(text),
      model.slice(dropped, dropped + bounds.maxEntries),
    );
    const from = Math.max(dropped, model.length - bounds.maxEntries);
    assert.deepEqual(
      runBackward(store.entries.backward(1, range.to), range, bounds).entries.map(text),
      model.slice(from),
    );
  };
  for (let step = 0; step < 400; step++) {
    const bodies = Array.from({ length: random.int(1, 20) }, (_, at) =>
      Buffer.from(`${step} ${at} ${"x".repeat(random.int(0, 900))}`),
    );
    const first = model.length + 1;
    await store.write(() =>
      store.entries.append(1, { first, last: first + bodies.length - 1, bytes: blockOf(bodies) }),
    );
    model.push(...bodies.map(String));
    if (random.int(0, 9) === 0) {
      dropped = random.int(dropped, model.length - 1);
      await store.write(() => store.entries.drop(1, dropped));
    }
    if (random.int(0, 5) === 0) {
      const storing = (store as WalStore).storeAll();
      check();
      await storing;
    }
    check();
  }
  await store.close();
  assert.ok(disk.transactions > 20);
});

test("messages that a room keeps no longer are not stored, and those that are stored go", async () => {
  const disk = new MemoryDisk();
  const store = openBehindWal(disk);
  const append = (first: number, count: number) => {
    const bytes = blockOf(Array.from({ length: count }, () => Buffer.alloc(100)));
    return store.write(() => store.entries.append(1, { first, last: first + count - 1, bytes }));
  };
  await append(1, 200);
  await append(201, 200);
  await store.write(() => store.entries.drop(1, 250));
  await store.storeAll();
  assert.equal(disk.tables.blocks.size, 2, "the first append is not there");
  await append(401, 10);
  await store.write(() => store.entries.drop(1, 400));
  await store.storeAll();
  assert.equal(disk.tables.blocks.size, 1);
  await append(411, 10);
  await store.write(() => store.entries.drop(1, 410));
  await store.storeAll();
  assert.deepEqual(
    [...disk.open().entries.forward(1, 1)].map(({ first }) => first),
    [411],
    "a small block that goes is not extended",
  );
  await store.write(() => store.entries.clear(1));
  await store.storeAll();
  assert.equal(disk.tables.blocks.size, 0);
  await store.close();
});

test("ranges of keys are those of both, in order, without what was removed", async () => {
  const disk = new MemoryDisk();
  const store = openBehindWal(disk);
  const random = new Random(2);
  const model = new Map<string, string>();
  for (let step = 0; step < 300; step++) {
    await store.write(() => {
      for (let change = 0; change < 3; change++) {
        const key = `k${random.int(0, 60)}`;
        if (random.int(0, 2) > 0) {
          store.rooms.put(Buffer.from(key), Buffer.from(String(step)));
          model.set(key, String(step));
        } else {
          store.rooms.remove(Buffer.from(key));
          model.delete(key);
        }
      }
    });
    if (random.int(0, 9) === 0) await store.storeAll();
    const [start, limit] = [`k${random.int(0, 60)}`, random.int(0, 20)];
    const rows = [...store.rooms.getRange({ start: Buffer.from(start), end: Buffer.from("k5"), limit })];
    const expected = [...model].sort(([a], [b]) => (a < b ? -1 : 1)).filter(([key]) => key >= start && key < "k5");
    assert.deepEqual(
      rows.map(({ key, value }) => [String(key), String(value)]),
      expected.slice(0, limit),
    );
    assert.equal(store.rooms.count(), model.size);
    const key = `k${random.int(0, 60)}`;
    assert.equal(store.rooms.get(Buffer.from(key))?.toString(), model.get(key));
  }
});

test("a key that is too long for the store is refused before it is durable", async () => {
  const store = openBehindWal(new MemoryDisk());
  await assert.rejects(
    store.write(() => store.ids.put(Buffer.alloc(2_000), Buffer.of(1))),
    RangeError,
  );
  assert.deepEqual([...store.ids.getKeys({})], []);
  await store.close();
});

test("a write that throws leaves nothing, and a change outside of one is an error", async () => {
  const store = openBehindWal(new MemoryDisk());
  const key = Buffer.from("k");
  await assert.rejects(
    store.write(() => {
      store.meta.put(key, key);
      throw new ConfabError("INTERNAL", "in the middle");
    }),
    withCode("INTERNAL"),
  );
  assert.equal(store.meta.get(key), undefined);
  assert.throws(() => store.meta.put(key, key), /outside/);
});
