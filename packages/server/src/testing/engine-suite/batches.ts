import assert from "node:assert/strict";
import { ConfabError, decodeChatMessage } from "@confab/contract";
import type { Appended, LogEntry, NewEntry, RoomId } from "../../core/index.js";
import { aRoom, type Bench, type Define, otherRoom, wholePage, withCode } from "./setup.js";

/** The bound of the contract for one batch (message.proto). */
const largestBatch = 1_000;

/** Entries that are told apart by their texts; those in `keyed` have their text as a key. */
function entriesOf(bench: Bench, texts: readonly string[], keyed: readonly string[] = []): NewEntry[] {
  return texts.map((text) => bench.entry(text, keyed.includes(text) ? `ann\0${text}` : undefined));
}

function placesOf(appended: readonly Appended[]): (number | string)[] {
  return appended.map(({ position, isDuplicate }) => (isDuplicate ? `${position.offset} again` : position.offset));
}

async function textsOf({ engine }: Bench, room = aRoom): Promise<string[]> {
  const { entries } = (await engine.log.readForward(room, 0, wholePage)).run;
  return entries.map(({ body }) => decodeChatMessage(body).text);
}

/** For `assert.rejects`: it was refused, and says that the room is at this offset. */
function unexpectedAt(newest: number, epoch: number) {
  return (error: unknown) => {
    assert.ok(error instanceof ConfabError && error.code === "UNEXPECTED_POSITION", String(error));
    const { range } = error.facts;
    assert.deepEqual([range?.room, range?.newest, range?.epoch], [aRoom, newest, epoch]);
    return true;
  };
}

export function batchesSuite(define: Define): void {
  define(
    "a batch has the next offsets in its order, and what is sent in the same turn stands around it",
    async (bench) => {
      const { log } = bench.engine;
      const sent = [
        bench.append("before").then((one) => [one]),
        log.appendAll(aRoom, entriesOf(bench, ["a", "b", "c"])),
        bench.append("between").then((one) => [one]),
        log.appendAll(otherRoom, entriesOf(bench, ["x", "y"])),
        log.appendAll(aRoom, entriesOf(bench, ["d"])),
        bench.append("after").then((one) => [one]),
      ];
      const all = await Promise.all(sent);
      assert.deepEqual(all.map(placesOf), [[1], [2, 3, 4], [5], [1, 2], [6], [7]]);
      assert.deepEqual(await textsOf(bench), ["before", "a", "b", "c", "between", "d", "after"]);
      assert.deepEqual(await textsOf(bench, otherRoom), ["x", "y"]);
      assert.ok(all.flat().every(({ sentAtMs }) => sentAtMs === bench.clock.nowMs()));
    },
  );

  define("the bus brings a batch in its order, before its acknowledgement", async (bench) => {
    const heard: LogEntry[] = [];
    const unwatch = await bench.engine.bus.watch(aRoom, {
      entries: (_epoch, run) => heard.push(...run.entries),
      interrupted: () => undefined,
      erased: () => undefined,
      signal: () => undefined,
      presence: () => undefined,
    });
    await bench.engine.log.appendAll(aRoom, entriesOf(bench, ["a", "b", "c"]));
    assert.deepEqual(
      heard.map(({ offset, body }) => [offset, decodeChatMessage(body).text]),
      [
        [1, "a"],
        [2, "b"],
        [3, "c"],
      ],
    );
    unwatch();
  });

  define(
    "of a batch, what was stored before keeps its first place and time, and the rest is appended",
    async (bench) => {
      const { log } = bench.engine;
      const first = await bench.append("b", { dedupeKey: "ann\0b" });
      await bench.append("other");
      bench.clock.advance(1_000);
      const appended = await log.appendAll(aRoom, entriesOf(bench, ["a", "b", "c"], ["a", "b"]));
      assert.deepEqual(placesOf(appended), [3, "1 again", 4]);
      assert.deepEqual(appended[1], { ...first, isDuplicate: true });
      const again = await log.appendAll(aRoom, entriesOf(bench, ["b", "a", "d"], ["a", "b"]));
      assert.deepEqual(placesOf(again), ["1 again", "3 again", 5]);
      assert.deepEqual(await textsOf(bench), ["b", "other", "a", "c", "d"]);
    },
  );

  define(
    "of two equal keys in a batch the second is a duplicate of the first, also in one turn with others",
    async (bench) => {
      const { log } = bench.engine;
      const twice = log.appendAll(aRoom, entriesOf(bench, ["k", "k", "l"], ["k"]));
      const next = log.appendAll(aRoom, entriesOf(bench, ["l", "k", "m"], ["k"]));
      assert.deepEqual(placesOf(await twice), [1, "1 again", 2]);
      assert.deepEqual(placesOf(await next), [3, "1 again", 4]);
      assert.deepEqual(await textsOf(bench), ["k", "l", "l", "m"]);
    },
  );

  define(
    "a batch that expects the newest position is stored, and one that expects another is refused whole",
    async (bench) => {
      const { log } = bench.engine;
      const { position } = await bench.append("first");
      const { epoch } = position;
      const keyed = ["a", "b"];
      for (const wrong of [
        { epoch, offset: 0 },
        { epoch, offset: 2 },
        { epoch: epoch === 5 ? 6 : 5, offset: 1 },
      ]) {
        await assert.rejects(log.appendAll(aRoom, entriesOf(bench, keyed, keyed), wrong), unexpectedAt(1, epoch));
      }
      assert.deepEqual(await log.state(aRoom), { epoch, oldest: 1, newest: 1, messages: 1 });
      // Its ids were not taken.
      const stored = await log.appendAll(aRoom, entriesOf(bench, keyed, keyed), position);
      assert.deepEqual(placesOf(stored), [2, 3]);
      assert.deepEqual(await textsOf(bench), ["first", "a", "b"]);
    },
  );

  define("offset 0 in the room's epoch is an empty room, and no other", async (bench) => {
    const { log } = bench.engine;
    const { epoch } = await log.state(aRoom);
    const empty = { epoch, offset: 0 };
    const strange = { epoch: epoch === 5 ? 6 : 5, offset: 0 };
    await assert.rejects(log.appendAll(aRoom, entriesOf(bench, ["a"]), strange), unexpectedAt(0, epoch));
    await assert.rejects(log.appendAll(aRoom, entriesOf(bench, ["a"]), { epoch, offset: 3 }), unexpectedAt(0, epoch));
    assert.deepEqual(await log.list("", "", 10), []);
    assert.deepEqual(placesOf(await log.appendAll(aRoom, entriesOf(bench, ["a", "b"]), empty)), [1, 2]);
    await assert.rejects(log.appendAll(aRoom, entriesOf(bench, ["c"]), empty), unexpectedAt(2, epoch));
    assert.deepEqual(await textsOf(bench), ["a", "b"]);
  });

  define("the position that a refusal names is the one to expect next", async (bench) => {
    const { log } = bench.engine;
    const strange = { epoch: 5, offset: 9 };
    for (const texts of [["a"], ["b", "c"]]) {
      const refused = await log.appendAll(aRoom, entriesOf(bench, texts), strange).catch((error: unknown) => error);
      assert.ok(refused instanceof ConfabError);
      const { epoch = 0, newest = 0 } = refused.facts.range ?? {};
      await log.appendAll(aRoom, entriesOf(bench, texts), { epoch, offset: newest });
    }
    assert.deepEqual(await textsOf(bench), ["a", "b", "c"]);
  });

  define("a batch that is stored already succeeds whatever it expects", async (bench) => {
    const { log } = bench.engine;
    const { epoch } = await log.state(aRoom);
    const keyed = ["a", "b"];
    const send = (offset: number) => log.appendAll(aRoom, entriesOf(bench, keyed, keyed), { epoch, offset });
    const first = await send(0);
    await bench.append("other");
    for (const offset of [0, 3, 77]) {
      assert.deepEqual(
        await send(offset),
        first.map((each) => ({ ...each, isDuplicate: true })),
      );
    }
    // With one that is new, it counts again.
    const more = () => log.appendAll(aRoom, entriesOf(bench, ["b", "c"], ["b", "c"]), { epoch, offset: 0 });
    await assert.rejects(more(), unexpectedAt(3, epoch));
    assert.deepEqual(await textsOf(bench), ["a", "b", "other"]);
  });

  define("of senders that expect the same position at once, exactly one is stored", async (bench) => {
    const { log } = bench.engine;
    for (let round = 0; round < 5; round++) {
      const { epoch, newest } = await log.state(aRoom);
      const position = { epoch, offset: newest };
      const outcomes = await Promise.allSettled(
        Array.from({ length: 20 }, (_, i) =>
          log.appendAll(aRoom, entriesOf(bench, [`${round} ${i} a`, `${round} ${i} b`]), position),
        ),
      );
      const winners = outcomes.flatMap((outcome) => (outcome.status === "fulfilled" ? [placesOf(outcome.value)] : []));
      assert.deepEqual(winners, [[newest + 1, newest + 2]]);
      for (const outcome of outcomes)
        if (outcome.status === "rejected") unexpectedAt(newest + 2, epoch)(outcome.reason);
    }
    assert.deepEqual(
      await bench.offsets(),
      Array.from({ length: 10 }, (_, i) => i + 1),
    );
  });

  define("a refused batch takes no send of its turn with it", async (bench) => {
    const { log } = bench.engine;
    const { epoch } = await log.state(aRoom);
    const sends = [
      log.appendAll(aRoom, entriesOf(bench, ["no"]), { epoch, offset: 7 }),
      bench.append("a").then((one) => [one]),
      log.appendAll(aRoom, entriesOf(bench, ["b", "c"]), { epoch, offset: 1 }),
      log.appendAll(aRoom, entriesOf(bench, ["neither"]), { epoch, offset: 1 }),
      bench.append("d").then((one) => [one]),
    ];
    const outcomes = await Promise.allSettled(sends);
    assert.deepEqual(
      outcomes.map((outcome) => (outcome.status === "fulfilled" ? placesOf(outcome.value) : outcome.reason.code)),
      ["UNEXPECTED_POSITION", [1], [2, 3], "UNEXPECTED_POSITION", [4]],
    );
    assert.deepEqual(await textsOf(bench), ["a", "b", "c", "d"]);
  });

  define(
    "the expected position holds between nodes",
    async (bench) => {
      const nodes = [bench.engine, await bench.anotherNode()];
      for (let round = 0; round < 5; round++) {
        const { epoch, newest } = await bench.engine.log.state(aRoom);
        const position = { epoch, offset: newest };
        const outcomes = await Promise.allSettled(
          nodes.flatMap(({ log }) => [1, 2, 3].map(() => log.appendAll(aRoom, entriesOf(bench, ["x", "y"]), position))),
        );
        assert.equal(outcomes.filter(({ status }) => status === "fulfilled").length, 1);
      }
      assert.equal((await bench.offsets()).length, 10);
    },
    { needs: "has nodes" },
  );

  define("batches at the contract's bound, several in one turn, are each stored whole and in order", async (bench) => {
    const batch = (name: string) => Array.from({ length: largestBatch }, (_, i) => `${name}${i}`);
    const batches = ["a", "b", "c", "d", "e", "f"].map(batch);
    // One has ids, of which the last was sent before.
    await bench.append("b999", { dedupeKey: "ann\0b999" });
    const appended = await Promise.all(
      batches.map((texts) => bench.engine.log.appendAll(aRoom, entriesOf(bench, texts, batches[1]))),
    );
    assert.equal(appended[1]?.at(-1)?.isDuplicate, true);
    assert.deepEqual(await textsOf(bench), ["b999", ...batches.flat().filter((text, i) => i === 0 || text !== "b999")]);
    assert.equal(appended.at(-1)?.at(-1)?.position.offset, 6 * largestBatch);
  });

  define(
    "a batch at the bound after many sends of its turn, all with ids, is stored, and known when it is repeated",
    async (bench) => {
      const before = Array.from({ length: 499 }, (_, i) => `before ${i}`);
      const batch = Array.from({ length: largestBatch }, (_, i) => `batch ${i}`);
      const send = async () => {
        const singles = before.map((text) => bench.append(text, { dedupeKey: text }));
        const appended = await bench.engine.log.appendAll(aRoom, entriesOf(bench, batch, batch));
        return [...(await Promise.all(singles)), ...appended];
      };
      const first = await send();
      assert.deepEqual(
        await send(),
        first.map((each) => ({ ...each, isDuplicate: true })),
      );
      assert.deepEqual(await textsOf(bench), [...before, ...batch]);
    },
  );

  define(
    "OVERLOADED counts every entry of a batch, and stores none of it",
    async (bench) => {
      const { log } = bench.engine;
      const sends = [4, 5, 2, 1].map((count) => log.appendAll(aRoom, entriesOf(bench, Array(count).fill("x"))));
      const outcomes = await Promise.allSettled(sends);
      assert.deepEqual(
        outcomes.map((outcome) => (outcome.status === "fulfilled" ? outcome.value.length : outcome.reason.code)),
        [4, 5, "OVERLOADED", 1],
      );
      assert.deepEqual(
        placesOf(await log.appendAll(aRoom, entriesOf(bench, Array(10).fill("x")))),
        [11, 12, 13, 14, 15, 16, 17, 18, 19, 20],
      );
      const body = new Uint8Array(600);
      const large = Array.from({ length: 2 }, () => ({ body, sentAtMs: 1, dedupeKey: undefined }));
      await assert.rejects(log.appendAll(aRoom, large), withCode("OVERLOADED"));
      assert.equal((await log.state(aRoom)).newest, 20);
    },
    { limits: { maxPendingSends: 10, maxPendingSendBytes: 1_000 }, needs: "bounds its pending sends" },
  );

  define(
    "a batch that may not make a room is refused where there is none, and stored where there is one",
    async (bench) => {
      const refusal = new ConfabError("PERMISSION_DENIED", "not this one");
      const { log } = bench.engine;
      const { epoch } = await log.state(aRoom);
      const follow = (texts: readonly string[], expected?: { epoch: number; offset: number }) =>
        log.appendAll(
          aRoom,
          entriesOf(bench, texts).map((entry) => ({ ...entry, refuseFirst: () => refusal })),
          expected,
        );
      await assert.rejects(follow(["a", "b"]), refusal);
      await assert.rejects(follow(["a", "b"], { epoch, offset: 0 }), refusal);
      assert.deepEqual(await log.list("", "", 10), []);
      const outcomes = await Promise.allSettled([follow(["c"]), bench.append("first"), follow(["d", "e"])]);
      assert.deepEqual(
        outcomes.map(({ status }) => status),
        ["rejected", "fulfilled", "fulfilled"],
      );
      assert.deepEqual(placesOf(await follow(["f", "g"], { epoch, offset: 3 })), [4, 5]);
      assert.deepEqual(await textsOf(bench), ["first", "d", "e", "f", "g"]);
    },
  );

  define(
    "TOO_MANY_ROOMS refuses a batch whole, and a refused condition takes no place for a room",
    async (bench) => {
      const { log } = bench.engine;
      for (const room of ["a", "b", "c"] as RoomId[]) {
        const { epoch } = await log.state(room);
        const other = epoch === 5 ? 6 : 5;
        for (const expected of [
          { epoch: other, offset: 0 },
          { epoch: other, offset: 4 },
          { epoch, offset: 4 },
        ]) {
          const refused = log.appendAll(room, entriesOf(bench, ["x"]), expected);
          await assert.rejects(refused, withCode("UNEXPECTED_POSITION"));
        }
      }
      await bench.fill(1);
      await bench.fill(1, otherRoom);
      const third = "third" as RoomId;
      await assert.rejects(log.appendAll(third, entriesOf(bench, ["x", "y"])), withCode("TOO_MANY_ROOMS"));
      assert.deepEqual(
        (await log.list("", "", 10)).map(({ room }) => room),
        [otherRoom, aRoom],
      );
    },
    { limits: { maxRooms: 2 }, needs: "bounds its rooms" },
  );

  define(
    "a batch, its ids and the position after it survive a reopening",
    async (bench) => {
      const keyed = ["a", "b"];
      const send = (texts: readonly string[], offset: number, epoch: number) =>
        bench.engine.log.appendAll(aRoom, entriesOf(bench, texts, keyed), { epoch, offset });
      const { epoch } = await bench.engine.log.state(aRoom);
      const first = await send(keyed, 0, epoch);
      await bench.reopen();
      assert.deepEqual(
        await send(keyed, 0, epoch),
        first.map((each) => ({ ...each, isDuplicate: true })),
      );
      await assert.rejects(send(["c"], 1, epoch), withCode("UNEXPECTED_POSITION"));
      assert.deepEqual(placesOf(await send(["c"], 2, epoch)), [3]);
      assert.deepEqual(await textsOf(bench), ["a", "b", "c"]);
    },
    { needs: "survives a reopening" },
  );
}
