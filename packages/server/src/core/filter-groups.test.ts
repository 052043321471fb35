import assert from "node:assert/strict";
import { test } from "node:test";
import { BodyFilter, ConfabError, encodeBody } from "@confab/contract";
import { OffsetEncoding, RecordingSink } from "../testing/recording-sink.js";
import { lobby, TestHub } from "../testing/test-hub.js";
import { cost, Work } from "../work/index.js";
import { type HistoryBounds, readHistory } from "./history.js";
import { Run } from "./run.js";

const ofUsers = (...users: string[]) => BodyFilter.from({ users, payloadTypes: [] });
const said = { user: "ann", text: "hi", room: lobby };
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

const vast = 1_000_000;

/** A hub whose room has a million messages of ann. */
function vastHub(): TestHub {
  const hub = new TestHub();
  const bodies = Array.from({ length: 512 }, () => encodeBody({ ...said, id: "1", sentAtMs: 1 }));
  const state = { epoch: 7, oldest: 1, newest: vast, messages: vast };
  const page = (from: number, to: number) => ({ ...state, run: Run.of(from, bodies.slice(0, to - from + 1)) });
  hub.engine.memory.state = () => state;
  hub.engine.memory.readForward = (_, after, { maxEntries }) => page(after + 1, Math.min(after + maxEntries, vast));
  hub.engine.memory.readBackward = (_, before, { maxEntries }) => page(Math.max(before - maxEntries, 1), before - 1);
  return hub;
}

test("a reader that a million entries do not pass for leaves others their turns, and is accounted for what is looked through", async () => {
  const turnsUntilLive = async (hub: TestHub) => {
    const sink = new RecordingSink();
    const { subscription } = await hub.subscribe(sink, { after: at(vast - 20_000) });
    let turns = 0;
    for (; subscription.state !== "live"; turns++) await hub.turns.next();
    assert.equal(sink.offsets.length, 20_000);
    return turns;
  };
  const alone = await turnsUntilLive(vastHub());
  const hub = vastHub();
  const share = new Work().share();
  let units = 0;
  share.spend = (spent) => {
    units += spent;
  };
  const sink = new RecordingSink(undefined, undefined, share);
  const { subscription } = await hub.subscribe(sink, { filter: ofUsers("bob"), after: at(0) });
  const beside = await turnsUntilLive(hub);
  // Two take turns.
  assert.ok(beside <= 2 * alone + 2, `${beside} turns, and ${alone} alone`);
  assert.equal(subscription.state, "catching-up");
  while (subscription.position.offset < vast) await hub.turns.next();
  assert.deepEqual([sink.writes, hub.engine.reads < 2 * (vast / 256)], [[], true]);
  assert.ok(units >= vast * cost.filteredEntry, `${units} units`);
});

test("a page that a million entries do not pass for is read in small steps, each of which waits for its turn", async () => {
  const { engine } = vastHub();
  const steps: number[] = [];
  let spent = 0;
  const share: HistoryBounds["share"] = {
    begin: (units) => void steps.push(units),
    spend: (units) => {
      spent += units;
    },
  };
  const asked = { room: lobby, before: undefined, limit: 1_000, isOldestFirst: false, filter: ofUsers("bob") };
  const bounds = { share, maxBytes: 1_000_000, sizesOf: () => [], unitsPerEntry: 10, unitsPerKib: 10 };
  for (const after of [at(0), undefined]) {
    [steps.length, spent] = [0, 0];
    const { run, hasMore } = await readHistory(engine.log, { ...asked, after }, bounds);
    assert.deepEqual([run.count, hasMore], [0, false]);
    assert.ok(steps.length >= vast / 512 && Math.max(...steps) <= 1_000, `${steps.length}, ${Math.max(...steps)}`);
    const units = steps.reduce((sum, each) => sum + each, spent);
    assert.ok(units >= vast * cost.filteredEntry, `${units} units`);
    const cut = await readHistory(engine.log, { ...asked, after }, { ...bounds, mayScan: false });
    assert.equal(cut.isCutShort, true);
  }
});
