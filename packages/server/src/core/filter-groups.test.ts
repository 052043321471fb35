import assert from "node:assert/strict";
import { test } from "node:test";
import { BodyFilter, ConfabError } from "@confab/contract";
import { OffsetEncoding, RecordingSink } from "../testing/recording-sink.js";
import { lobby, TestHub } from "../testing/test-hub.js";
import { cost, Work } from "../work/index.js";

const ofUsers = (...users: string[]) => BodyFilter.from({ users, payloadTypes: [] });
const at = (offset: number) => ({ epoch: 7, offset });

async function say(hub: TestHub, ...users: readonly string[]): Promise<void> {
  for (const user of users) await hub.hub.send({ user, text: "hi", room: lobby, id: "" });
}

async function sayAndDeliver(hub: TestHub, ...users: readonly string[]): Promise<void> {
  await say(hub, ...users);
  hub.engine.deliver();
  await hub.turns.untilIdle();
}

test("a run is encoded once for the readers with the same filter, and once for those without", async () => {
  const hub = new TestHub();
  const encoding = new OffsetEncoding();
  const sinks = Array.from({ length: 9 }, () => new RecordingSink(encoding));
  const filters = [ofUsers("ann", "bob"), undefined, ofUsers("cid")];
  for (const [index, sink] of sinks.entries()) {
    // Each asks with its own object.
    const filter = index % 3 === 0 ? ofUsers("bob", "ann") : filters[index % 3];
    await hub.subscribe(sink, { filter });
  }
  await hub.turns.untilIdle();
  await sayAndDeliver(hub, "ann", "cid", "dan", "bob");
  const expected = [[1, 4], [1, 2, 3, 4], [2]];
  assert.deepEqual(
    sinks.map(({ offsets }) => offsets),
    sinks.map((_, index) => expected[index % 3]),
  );
  assert.equal(encoding.encodings, 3);
});

test("a reader is told when entries are passed over, and its position is that of the room", async () => {
  const hub = new TestHub();
  let passed = 0;
  const sink = Object.assign(new RecordingSink(), { passed: () => passed++ });
  await say(hub, ...Array<string>(600).fill("ann"));
  const { subscription } = await hub.subscribe(sink, { filter: ofUsers("bob"), after: at(0) });
  await hub.turns.untilIdle();
  assert.ok(passed >= 3, `${passed} pages`);
  const before = passed;
  await sayAndDeliver(hub, "ann", "cid");
  assert.ok(passed > before);
  assert.deepEqual([subscription.state, subscription.position, sink.writes], ["live", at(602), []]);
});

test("what the bus loses is read from the log, and what passes comes", async () => {
  const hub = new TestHub();
  const { sink } = await hub.reader({ filter: ofUsers("bob") });
  await say(hub, "bob", "ann", "bob");
  hub.engine.deliver(2, 0);
  await hub.turns.untilIdle();
  hub.engine.deliver();
  await hub.turns.untilIdle();
  assert.deepEqual(sink.offsets, [1, 3]);
  const state = await hub.engine.state(lobby);
  assert.equal(hub.hub.isQuietAfter(lobby, state, at(2), ofUsers("bob") ?? assert.fail()), false);
});

test("TOO_MANY_FILTERS past maxFiltersPerRoom, not for a filter that the room has, and no longer when one has left", async () => {
  const hub = new TestHub({ maxFiltersPerRoom: 2 });
  const first = await hub.reader({ filter: ofUsers("a") });
  await hub.reader({ filter: ofUsers("b") });
  const tooMany = (error: unknown) =>
    error instanceof ConfabError &&
    error.code === "TOO_MANY_FILTERS" &&
    /have 2 different filters; maxFiltersPerRoom is 2/.test(error.message);
  await assert.rejects(hub.reader({ filter: ofUsers("c") }), tooMany);
  const second = await hub.reader({ filter: ofUsers("a") });
  await hub.reader();
  first.subscription.close();
  await assert.rejects(hub.reader({ filter: ofUsers("c") }), tooMany);
  second.subscription.close();
  await hub.reader({ filter: ofUsers("c") });
});

test("readers that come at the same time do not pass the bound together", async () => {
  const hub = new TestHub({ maxFiltersPerRoom: 2 });
  hub.engine.isSlow = true;
  const asked = Promise.allSettled(
    ["a", "b", "c", "d"].map((user) => hub.subscribe(new RecordingSink(), { filter: ofUsers(user) })),
  );
  let isDone = false;
  void asked.then(() => {
    isDone = true;
  });
  while (!isDone) {
    hub.engine.releaseAll();
    await hub.turns.next();
  }
  assert.deepEqual((await asked).map(({ status }) => status).sort(), [
    "fulfilled",
    "fulfilled",
    "rejected",
    "rejected",
  ]);
});

test("a message that is erased while a reader is caught up still passes by its user, and comes as it is in the log", async () => {
  const hub = new TestHub();
  await say(hub, ...Array<string>(300).fill("ann"));
  hub.engine.isSlow = true;
  const sink = new RecordingSink();
  const begun = hub.subscribe(sink, { filter: ofUsers("ann"), after: at(0) });
  for (let turn = 0; turn < 4; turn++) {
    hub.engine.releaseAll();
    await hub.turns.next();
  }
  await begun;
  hub.engine.isSlow = false;
  await hub.hub.erase(lobby, at(290));
  hub.engine.releaseAll();
  await hub.turns.untilIdle();
  assert.deepEqual(
    sink.offsets,
    Array.from({ length: 300 }, (_, index) => index + 1),
  );
});

test("the beginning with messages that pass is looked for in maxFilteredHistoryEntries entries", async () => {
  const hub = new TestHub({ maxFilteredHistoryEntries: 600 });
  await say(hub, "bob", ...Array<string>(599).fill("ann"));
  assert.deepEqual((await hub.reader({ filter: ofUsers("bob"), history: 5 })).sink.offsets, [1]);
  await say(hub, "ann");
  const { sink, position } = await hub.reader({ filter: ofUsers("bob"), history: 5 });
  assert.deepEqual([sink.offsets, position], [[], at(1)]);
});

test("a look is accounted for once for each filter, to one of its readers, and not at all without one", async () => {
  const hub = new TestHub();
  const work = new Work();
  const shares = Array.from({ length: 4 }, () => work.share());
  const spent = shares.map(() => 0);
  for (const [index, share] of shares.entries()) {
    await hub.subscribe(new RecordingSink(undefined, undefined, share), { filter: ofUsers(index < 3 ? "bob" : "cid") });
    share.spend = (units) => {
      spent[index] = (spent[index] ?? 0) + units;
    };
  }
  await hub.turns.untilIdle();
  spent.fill(0);
  await sayAndDeliver(hub, ...Array<string>(10).fill("ann"));
  assert.deepEqual(spent, [10 * cost.filteredEntry, 0, 0, 10 * cost.filteredEntry]);
});

test("a reader that 100,000 entries do not pass for takes no turn from others, and is accounted for what is looked through", async () => {
  const entries = 100_000;
  const turnsOf = async (withFiltered: boolean) => {
    const hub = new TestHub();
    const body = { user: "ann", text: "x".repeat(20), room: lobby, id: "" };
    for (let sent = 0; sent < entries; sent += 1_000)
      await hub.hub.sendAll(lobby, Array<typeof body>(1_000).fill(body));
    const work = new Work();
    const share = work.share();
    let units = 0;
    if (withFiltered) {
      const filtered = new RecordingSink(undefined, undefined, share);
      await hub.subscribe(filtered, { filter: ofUsers("bob"), after: at(0) });
      share.spend = (spent) => {
        units += spent;
      };
    }
    const other = new RecordingSink();
    const { subscription } = await hub.subscribe(other, { after: at(0) });
    let turns = 0;
    for (; subscription.state !== "live"; turns++) await hub.turns.next();
    assert.equal(other.offsets.length, entries);
    return { turns, units };
  };
  const [alone, beside] = [await turnsOf(false), await turnsOf(true)];
  // Two take turns.
  assert.ok(beside.turns <= 2 * alone.turns + 2, `${beside.turns} turns, and ${alone.turns} alone`);
  assert.ok(beside.units >= entries * cost.filteredEntry * 0.9, `${beside.units} units`);
});
