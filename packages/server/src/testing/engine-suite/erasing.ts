import assert from "node:assert/strict";
import { decodeChatMessage, encodeBody } from "@confab/contract";
import { Listening } from "./bus.js";
import { aRoom, type Bench, type Define, wholePage, withCode } from "./setup.js";

const tombstone = encodeBody({ user: "ann", text: "", room: "", id: "", sentAtMs: 1, deleted: true });

async function texts(bench: Bench): Promise<string[]> {
  const { entries } = (await bench.engine.log.readForward(aRoom, 0, wholePage)).run;
  return entries.map(({ body }) => {
    const { text, deleted = false } = decodeChatMessage(body);
    return deleted ? "(erased)" : text;
  });
}

async function fill(bench: Bench, count: number, textBytes = 1): Promise<void> {
  for (let at = 1; at <= count; at++) await bench.append(`${at}`.padEnd(textBytes, "x"));
}

async function erase(bench: Bench, ...offsets: readonly number[]): Promise<void> {
  const { epoch } = await bench.engine.log.state(aRoom);
  await eraseAt(bench, epoch, offsets);
}

function eraseAt({ engine }: Bench, epoch: number, offsets: readonly number[]): Promise<void> {
  return engine.log.erase(
    aRoom,
    epoch,
    offsets.map((offset) => ({ offset, body: tombstone })),
  );
}

export function erasingSuite(define: Define): void {
  define("an erased message has its other body wherever it stands, and nothing else changes", async (bench) => {
    await fill(bench, 5);
    const before = await bench.engine.log.state(aRoom);
    for (const offset of [3, 1, 5]) await erase(bench, offset);
    assert.deepEqual(await texts(bench), ["(erased)", "2", "(erased)", "4", "(erased)"]);
    assert.deepEqual(await bench.engine.log.state(aRoom), before);
    const { entries } = (await bench.engine.log.readBackward(aRoom, 4, { maxEntries: 2, maxBytes: 1_000_000 })).run;
    assert.deepEqual(
      entries.map(({ offset, body }) => [offset, decodeChatMessage(body).text]),
      [
        [2, "2"],
        [3, ""],
      ],
    );
    assert.equal((await bench.append("6")).position.offset, 6);
    assert.deepEqual((await texts(bench)).slice(4), ["(erased)", "6"]);
  });

  define("messages are erased in large rooms, in the middle and at both ends", async (bench) => {
    await fill(bench, 250, 300);
    for (const offset of [1, 120, 121, 250]) await erase(bench, offset);
    const left = await texts(bench);
    const erased = left.flatMap((text, index) => (text === "(erased)" ? [index + 1] : []));
    assert.deepEqual([left.length, erased], [250, [1, 120, 121, 250]]);
    assert.equal(left[118], "119".padEnd(300, "x"));
  });

  define("messages of one block and of many are erased together", async (bench) => {
    await fill(bench, 250, 300);
    const offsets = [1, 2, 3, 119, 120, 121, 200, 249, 250];
    await erase(bench, ...offsets);
    const left = await texts(bench);
    assert.deepEqual(
      left.flatMap((text, index) => (text === "(erased)" ? [index + 1] : [])),
      offsets,
    );
    assert.ok(left.every((text, index) => text === "(erased)" || text === `${index + 1}`.padEnd(300, "x")));
    // Some of them again, among others.
    await erase(bench, 2, 4, 121, 248);
    assert.equal((await texts(bench)).filter((text) => text === "(erased)").length, offsets.length + 2);
  });

  define("many erasures and appends at once are each as if it were alone", async (bench) => {
    await fill(bench, 40);
    const erasing = Array.from({ length: 40 }, (_, at) => (at % 2 === 0 ? erase(bench, at + 1) : bench.append("more")));
    await Promise.all(erasing);
    const left = await texts(bench);
    assert.equal(left.length, 60);
    assert.ok(left.slice(0, 40).every((text, at) => text === (at % 2 === 0 ? "(erased)" : `${at + 1}`)));
  });

  define(
    "what is erased stays erased after a reopening, and at the same time as appends before it",
    async (bench) => {
      await fill(bench, 3);
      await erase(bench, 2);
      await bench.reopen();
      assert.deepEqual(await texts(bench), ["1", "(erased)", "3"]);
      await erase(bench, 3);
      await bench.append("4");
      await bench.reopen();
      assert.deepEqual(await texts(bench), ["1", "(erased)", "(erased)", "4"]);
    },
    { needs: "survives a reopening" },
  );

  define("to erase again is the same, and a repeated send is still a duplicate", async (bench) => {
    await bench.append("1", { dedupeKey: "k" });
    await erase(bench, 1);
    await erase(bench, 1);
    assert.deepEqual(await texts(bench), ["(erased)"]);
    const again = await bench.append("1", { dedupeKey: "k" });
    assert.deepEqual([again.isDuplicate, again.position.offset], [true, 1]);
    assert.deepEqual(await texts(bench), ["(erased)"]);
  });

  // It was refused before the commit was durable that trimmed the message, and the log still showed the message.
  define(
    "an erasure is refused for a message that is trimmed at the same time only when it can be seen that it was trimmed",
    async (bench) => {
      for (let round = 0; round < 10; round++) {
        await fill(bench, 5);
        const { oldest } = await bench.engine.log.state(aRoom);
        const appending = ["a", "b", "c"].map((text) => bench.append(text));
        const erasing = erase(bench, oldest).then(
          () => undefined,
          async (thrown: unknown) => {
            assert.ok(withCode("OUT_OF_RANGE")(thrown));
            const now = await bench.engine.log.state(aRoom);
            assert.ok(now.oldest > oldest, `the oldest is ${now.oldest}`);
          },
        );
        await Promise.all([...appending, erasing]);
      }
    },
    { retention: { maxMessages: 3 }, needs: "trims by count" },
  );

  define("where there is no message nothing is erased", async (bench) => {
    await assert.rejects(erase(bench, 1), withCode("OUT_OF_RANGE"));
    await fill(bench, 2);
    const { epoch } = await bench.engine.log.state(aRoom);
    for (const [wrong, offsets] of [
      [epoch, [0]],
      [epoch, [3]],
      [epoch, [0, 1]],
      [epoch, [1, 2, 3]],
      [epoch - 1 || 2, [1]],
    ] as const)
      await assert.rejects(eraseAt(bench, wrong, offsets), withCode("OUT_OF_RANGE"));
    assert.deepEqual(await texts(bench), ["1", "2"]);
  });

  define(
    "a trimmed message cannot be erased, and a bound by bytes counts an erased one as it is now",
    async (bench) => {
      await fill(bench, 4, 300);
      assert.equal((await texts(bench)).length, 2);
      await assert.rejects(erase(bench, 2), withCode("OUT_OF_RANGE"));
      await erase(bench, 3);
      await erase(bench, 4);
      await bench.append("5".padEnd(300, "x"));
      assert.deepEqual(await texts(bench), ["(erased)", "(erased)", "5".padEnd(300, "x")]);
    },
    { retention: { maxBytes: 750 }, needs: "trims by bytes" },
  );

  define("listeners are told before the erasure resolves", async (bench) => {
    await fill(bench, 1);
    const listening = new Listening();
    await bench.engine.bus.watch(aRoom, listening);
    await erase(bench, 1);
    assert.ok(listening.erasures > 0);
    assert.deepEqual(listening.offsets, []);
  });

  define(
    "listeners of other nodes are told, and read what is left",
    async (bench) => {
      await fill(bench, 1);
      const node = await bench.anotherNode();
      const told = new Promise<void>((resolve) => {
        const listening = new Listening();
        listening.erased = resolve;
        void Promise.resolve(node.bus.watch(aRoom, listening)).then(() => erase(bench, 1));
      });
      await told;
      const { entries } = (await node.log.readForward(aRoom, 0, wholePage)).run;
      assert.equal(decodeChatMessage(entries[0]?.body ?? new Uint8Array()).deleted, true);
    },
    { needs: "has nodes" },
  );
}
