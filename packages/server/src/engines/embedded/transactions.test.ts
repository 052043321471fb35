import assert from "node:assert/strict";
import { renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { type Database, open, type RootDatabase } from "lmdb";
import { LogPlace } from "./log-place.js";
import { WriteError } from "./store.js";
import { testFolder } from "./testing/test-engine.js";
import { Transactions } from "./transactions.js";

const options = {
  encoding: "binary",
  keyEncoding: "binary",
  eventTurnBatching: false,
  overlappingSync: false,
} as const;
const [key, value] = [Buffer.from("key"), Buffer.from("value")];

let folder = "";
let root: RootDatabase<Buffer, Buffer>;
let table: Database<Buffer, Buffer>;
beforeEach(() => {
  folder = testFolder();
  root = open({ path: join(folder, "log.mdb"), ...options });
  table = root.openDB({ name: "table", ...options });
});
afterEach(async () => {
  await root.close();
  rmSync(folder, { recursive: true });
});

function transactions(): Transactions {
  return new Transactions(root, new LogPlace(folder, [join(folder, "log.mdb")]));
}

function refused(isOutcomeKnown: boolean, text: RegExp) {
  return (error: unknown) => {
    assert.ok(error instanceof WriteError, String(error));
    assert.deepEqual([error.isOutcomeKnown, text.test(error.message)], [isOutcomeKnown, true], error.message);
    return true;
  };
}

test("what one owner writes is there; once another one has claimed the log, the first one stores nothing", async () => {
  const [first, second] = [transactions(), transactions()];
  assert.equal(await first.claim(), true);
  assert.equal(await first.claim(), false, "it is the owner already");
  await first.write(() => void table.put(key, value));
  assert.deepEqual(table.get(key), value);

  await second.claim();
  const write = first.write(() => {
    void table.put(key, Buffer.from("lost"));
    void table.put(Buffer.from("other"), value);
    void table.remove(key);
  });
  await assert.rejects(write, refused(true, /another server has taken the data folder over/));
  assert.deepEqual([table.get(key), table.get(Buffer.from("other"))], [value, undefined]);
  await second.write(() => void table.put(key, Buffer.from("second")));
  assert.deepEqual(table.get(key), Buffer.from("second"));
  assert.match(first.failure ?? "", /another server/);
  await assert.rejects(
    first.claim().then(() => first.write(() => undefined)),
    refused(true, /another server/),
  );
  assert.equal(second.failure, undefined);
});

test("two owners that claim and write in one turn never store both", async () => {
  for (let round = 0; round < 20; round++) {
    const owners = [transactions(), transactions(), transactions()];
    const stored = await Promise.allSettled(
      owners.map(async (owner, index) => {
        await owner.claim();
        await owner.write(() => void table.put(Buffer.from(`${round} ${index}`), value));
      }),
    );
    const last = stored.filter(({ status }) => status === "fulfilled");
    assert.equal(last.length, 1, "the last to claim it");
  }
});

test("a log that is moved away takes no writes, and takes them again when it is back", async () => {
  const owner = transactions();
  await owner.claim();
  renameSync(join(folder, "log.mdb"), join(folder, "elsewhere"));
  await assert.rejects(
    owner.write(() => void table.put(key, value)),
    refused(true, /the data folder .* was deleted or moved/),
  );
  assert.equal(table.get(key), undefined);
  assert.equal(owner.failure, undefined, "it may come back");
  renameSync(join(folder, "elsewhere"), join(folder, "log.mdb"));
  await owner.write(() => void table.put(key, value));
  assert.deepEqual(table.get(key), value);
});

test("a log that is moved away while a transaction is made leaves its outcome unknown", async () => {
  const owner = transactions();
  await owner.claim();
  const write = owner.write(() => {
    void table.put(key, value);
    renameSync(join(folder, "log.mdb"), join(folder, "elsewhere"));
  });
  await assert.rejects(write, refused(false, /the data folder .* was deleted or moved/));
});
