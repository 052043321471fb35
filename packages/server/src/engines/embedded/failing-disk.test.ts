import assert from "node:assert/strict";
import { test } from "node:test";
import { ConfabError } from "@confab/contract";
import { FailingServer } from "./testing/failing-server.js";
import type { Fate } from "./testing/memory-disk.js";

/** Transactions of a run without faults are about this many. */
const transactions = 8;

function upTo(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index + 1);
}

test("nothing is acknowledged, read, listed or delivered before the disk has confirmed it", async () => {
  const server = await FailingServer.start();
  server.disk.hold();
  const first = server.send("a", "one");
  const second = server.send("new", "two");
  await server.rest();
  assert.deepEqual(server.acknowledged, []);
  assert.deepEqual(await server.logOf("a"), []);
  assert.deepEqual(await server.rooms(), []);
  assert.deepEqual(server.delivered("a"), []);
  server.disk.release();
  await Promise.all([first, second]);
  await server.rest();
  assert.deepEqual(await server.logOf("a"), ["one"]);
  assert.deepEqual(await server.rooms(), ["a", "new"]);
  assert.deepEqual(server.delivered("a"), ["one"]);
});

const known: readonly Fate[] = ["EIO", "ENOSPC"];
for (const fate of known) {
  for (const n of upTo(transactions)) {
    test(`when transaction ${n} fails with ${fate}, its sends are refused, leave no trace and can be sent again`, async () => {
      const server = await FailingServer.start();
      server.disk.fates.set(n, fate);
      await server.chat(transactions + 2);
      const codes = new Set(server.refusals.map(({ code }) => code));
      assert.deepEqual([...codes], [fate === "EIO" ? "ENGINE_UNAVAILABLE" : "STORAGE_FULL"]);
      await server.prove();
      await server.restart();
      await server.prove();
    });
  }
}

const unknown: readonly Fate[] = ["lost", "kept"];
for (const fate of unknown) {
  for (const n of upTo(transactions)) {
    test(`when the disk does not confirm transaction ${n} and it is ${fate}, no position is given twice`, async () => {
      const server = await FailingServer.start();
      server.disk.fates.set(n, fate);
      await server.chat(transactions + 2);
      assert.deepEqual([...new Set(server.refusals.map(({ code }) => code))], ["OUTCOME_UNKNOWN"]);
      await server.prove();
      await server.restart();
      await server.chat(2);
      await server.prove();
    });
  }
}

for (const fate of ["cut", "cut kept"] as const) {
  for (const n of upTo(transactions)) {
    test(`when the power fails in transaction ${n} (${fate}), a restart has what was acknowledged, once and in order`, async () => {
      const server = await FailingServer.start();
      server.disk.fates.set(n, fate);
      await server.chat(transactions + 2);
      assert.ok(server.disk.isCut);
      await server.restart();
      await server.chat(3);
      await server.prove();
    });
  }
}

test("faults that follow each other, of every kind, leave the log as it was acknowledged", async () => {
  const fates: readonly Fate[] = ["kept", "EIO", "lost", "ENOSPC", "kept", "lost"];
  const server = await FailingServer.start();
  for (const [index, fate] of fates.entries()) server.disk.fates.set(2 + index, fate);
  await server.chat(14);
  await server.prove();
  await server.restart();
  await server.chat(2);
  await server.prove();
});

for (const n of upTo(10)) {
  // The ids of six messages and their bucket are seven changes; the eighth is of the second turn.
  test(`when change ${n} cannot be made, its send is refused and all others stand, also after a restart`, async () => {
    const server = await FailingServer.start();
    server.disk.changesUntilThrow = n;
    await server.chat(4, { isRetrying: false });
    assert.equal(server.refusals.length, 1);
    await server.prove();
    await server.restart();
    await server.chat(2);
    await server.prove();
  });
}

for (const n of upTo(24)) {
  test(`when read ${n} cannot be made, what is acknowledged then and later stands`, async () => {
    const server = await FailingServer.start();
    server.disk.readsUntilThrow = n;
    await server.chat(4);
    await server.prove();
    await server.restart();
    await server.chat(2);
    await server.prove();
  });
}

// The room kept its number and the next one took another: after a restart the count of rooms said a number that was given.
test("a room whose only send is refused takes no number from the others", async () => {
  const server = await FailingServer.start();
  server.disk.changesUntilThrow = 1;
  const refused = server.send("first", "one");
  const stored = server.send("second", "two");
  await assert.rejects(refused);
  await stored;
  await server.restart();
  await server.send("third", "three");
  await server.send("second", "four");
  assert.deepEqual(await server.logOf("second"), ["two", "four"]);
  assert.deepEqual(await server.logOf("third"), ["three"]);
  await server.prove();
});

test("an id whose first send has an unknown outcome is found if it was stored, and stored if it was not", async () => {
  for (const fate of unknown) {
    const server = await FailingServer.start();
    server.disk.fates.set(1, fate);
    await assert.rejects(
      server.send("a", "one", "id-1"),
      (error) => error instanceof ConfabError && error.code === "OUTCOME_UNKNOWN",
    );
    const other = await server.send("a", "two", "id-2");
    const again = await server.send("a", "one", "id-1");
    const wasStored = fate === "kept";
    assert.deepEqual(
      [again.duplicate, again.position.offset, other.position.offset],
      wasStored ? [true, 1, 2] : [false, 2, 1],
      fate,
    );
    await server.prove();
  }
});
