import assert from "node:assert/strict";
import { BodyFilter, ConfabError, decodeChatMessage, encodeBody, limitsWith } from "@confab/contract";
import { Random } from "@confab/contract/testing/random";
import { type HistoryBounds, Hub, type Run, readHistory } from "../../core/index.js";
import { ManualTurns } from "../manual-turns.js";
import { OffsetEncoding, RecordingSink } from "../recording-sink.js";
import { aRoom, type Bench, type Define, wholePage } from "./setup.js";

// What a reader with a filter gets, however it reads, is the filter over the whole log.

const users = ["ann", "bob", "cid"] as const;
const types = ["acme.Order", "acme.Bill"] as const;

/** Append messages and changes of messages: some of each user, with each kind of payload and without. */
async function fillAtRandom({ engine, clock }: Bench, random: Random, count: number): Promise<void> {
  for (let appended = 0; appended < count; appended++) {
    const sentAtMs = clock.nowMs();
    const payload = { typeUrl: `type.googleapis.com/${random.pick(types)}`, value: random.bytes(random.int(0, 40)) };
    const body = encodeBody({
      user: random.pick(users),
      text: "x".repeat(random.int(0, 30)),
      room: aRoom,
      id: "",
      sentAtMs,
      payload: random.oneIn(2) ? payload : undefined,
      ...(random.oneIn(5) && { change: { kind: "reaction", target: 1, emoji: "+1", removed: random.oneIn(2) } }),
    });
    await engine.log.append(aRoom, { body, sentAtMs, dedupeKey: undefined });
  }
}

interface Wanted {
  readonly users: string[];
  readonly payloadTypes: string[];
}

function randomWanted(random: Random): Wanted {
  const wanted = {
    users: users.filter(() => random.oneIn(2)),
    payloadTypes: [...types, "-"].filter(() => random.oneIn(2)),
  };
  return wanted.users.length + wanted.payloadTypes.length > 0 ? wanted : { users: ["stranger"], payloadTypes: [] };
}

/** The offsets after another one of messages that pass, by looking at each of them. */
async function passing({ engine }: Bench, { users, payloadTypes }: Wanted, after = 0): Promise<number[]> {
  const { entries } = (await engine.log.readForward(aRoom, after, wholePage)).run;
  const found = entries.filter(({ body }) => {
    const { user, payload, change } = decodeChatMessage(body);
    const type = payload ? payload.typeUrl.slice(payload.typeUrl.lastIndexOf("/") + 1) : "-";
    const isUser = users.length === 0 || users.includes(user);
    return !change && isUser && (payloadTypes.length === 0 || payloadTypes.includes(type));
  });
  return found.map(({ offset }) => offset);
}

function hubOn({ engine, clock }: Bench, turns: ManualTurns): Hub {
  return new Hub({ engine, clock, turns, ids: { messageId: () => "" }, limits: limitsWith({ maxFiltersPerRoom: 50 }) });
}

/** Whose subscription has come to an end of the log. A networked log answers in other turns than these. */
interface Following {
  readonly wanted: Wanted;
  readonly sink: RecordingSink;
  readonly from: number;
  readonly reached: () => number;
}

async function follow(turns: ManualTurns, readers: readonly Following[], newest: number): Promise<void> {
  while (readers.some(({ reached }) => reached() < newest)) {
    await turns.next();
    await new Promise((resolve) => setImmediate(resolve));
  }
}

const bounds: HistoryBounds = {
  maxBytes: 2_000,
  sizesOf: (_epoch: number, run: Run) => {
    const sizes: number[] = [];
    run.each((_, start, end) => sizes.push(end - start));
    return sizes;
  },
  share: { begin: () => undefined, spend: () => undefined },
  unitsPerEntry: 0,
  unitsPerKib: 0,
};

export function filteringSuite(define: Define): void {
  for (const seed of [1, 2, 3]) {
    define(`readers with filters get what passes, live, caught up, resumed and slow (seed ${seed})`, async (bench) => {
      const random = new Random(seed);
      const turns = new ManualTurns();
      const hub = hubOn(bench, turns);
      const encoding = new OffsetEncoding();
      const readers: Following[] = [];
      const read = async (wanted: Wanted, from: number) => {
        const sink = new RecordingSink(encoding);
        // It is full after every other write, and drains at once.
        if (random.oneIn(3)) sink.roomForWrites = random.int(1, 3);
        const { epoch } = await bench.engine.log.state(aRoom);
        const { subscription } = await hub.subscribe(
          {
            room: aRoom,
            user: "",
            after: { epoch, offset: from },
            history: 0,
            filter: BodyFilter.from(wanted),
          },
          sink,
        );
        const reached = () => {
          if (subscription.state === "lagging") {
            sink.roomForWrites = random.int(1, 3);
            subscription.drained();
          }
          return subscription.position.offset;
        };
        readers.push({ wanted, sink, from, reached });
      };
      await fillAtRandom(bench, random, 300);
      const wanted = Array.from({ length: 4 }, () => randomWanted(random));
      for (const each of wanted) await read(each, random.int(0, 300));
      for (let round = 0; round < 6; round++) {
        await fillAtRandom(bench, random, random.int(1, 60));
        const { newest } = await bench.engine.log.state(aRoom);
        if (random.oneIn(2)) await follow(turns, readers, newest);
        // Where another reader is by now: a resumption.
        await read(random.pick([randomWanted(random), wanted[0] ?? randomWanted(random)]), random.int(0, newest));
      }
      const state = await bench.engine.log.state(aRoom);
      await follow(turns, readers, state.newest);
      for (const { wanted, sink, from } of readers) {
        assert.deepEqual(sink.offsets, await passing(bench, wanted, from), JSON.stringify({ wanted, from }));
        assert.equal(sink.endedWith, undefined);
        // What silent readers ask is known without a look at the log.
        const filter = BodyFilter.from(wanted) ?? assert.fail();
        const last = sink.offsets.at(-1);
        const isQuietAfter = (offset: number) => hub.isQuietAfter(aRoom, state, { epoch: state.epoch, offset }, filter);
        assert.equal(isQuietAfter(last ?? from), true);
        if (last !== undefined) assert.equal(isQuietAfter(last - 1), false);
      }
      hub.close(new ConfabError("SHUTTING_DOWN", "the test is over"));
    });
  }

  define("pages with a filter are those of what passes, in both directions", async (bench) => {
    const random = new Random(7);
    await fillAtRandom(bench, random, 700);
    const { log } = bench.engine;
    const { epoch, newest } = await log.state(aRoom);
    for (const wanted of [
      { users: ["stranger"], payloadTypes: [] },
      ...Array.from({ length: 6 }, () => randomWanted(random)),
    ]) {
      const filter = BodyFilter.from(wanted);
      const all = await passing(bench, wanted);
      for (const isForward of [true, false]) {
        const limit = random.int(1, 80);
        const seen: number[] = [];
        for (let cursor = isForward ? 0 : newest, hasMore = true; hasMore; ) {
          const position = { epoch, offset: cursor };
          // Before the newest one: a position past the end is not valid.
          const asked = { room: aRoom, limit, isOldestFirst: false, filter };
          const page = await readHistory(
            log,
            isForward
              ? { ...asked, after: position, before: undefined }
              : { ...asked, after: undefined, before: position },
            bounds,
          );
          const offsets = page.run.entries.map(({ offset }) => offset);
          assert.ok(offsets.length <= limit);
          // It may say that more follows and be wrong only once, with what comes last.
          if (offsets.length === 0) assert.equal(page.hasMore, false);
          if (isForward) seen.push(...offsets);
          else seen.unshift(...offsets);
          cursor = isForward ? (offsets.at(-1) ?? cursor) : (offsets[0] ?? cursor);
          hasMore = page.hasMore;
        }
        const expected = isForward ? all : all.filter((offset) => offset < newest);
        assert.deepEqual(seen, expected, JSON.stringify({ wanted, isForward, limit }));
      }
    }
  });

  define("a reader with a filter begins with as many messages that pass as it asks for", async (bench) => {
    const random = new Random(11);
    await fillAtRandom(bench, random, 900);
    const turns = new ManualTurns();
    const hub = hubOn(bench, turns);
    const { newest } = await bench.engine.log.state(aRoom);
    for (const history of [1, 7, 200]) {
      const wanted = { users: ["bob"], payloadTypes: ["acme.Bill"] };
      const sink = new RecordingSink();
      const asked = { room: aRoom, user: "", after: undefined, history, filter: BodyFilter.from(wanted) };
      const { subscription } = await hub.subscribe(asked, sink);
      await follow(turns, [{ wanted, sink, from: 0, reached: () => subscription.position.offset }], newest);
      assert.deepEqual(sink.offsets, (await passing(bench, wanted)).slice(-history));
    }
    hub.close(new ConfabError("SHUTTING_DOWN", "the test is over"));
  });
}
