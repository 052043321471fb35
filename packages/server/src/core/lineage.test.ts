import assert from "node:assert/strict";
import { test } from "node:test";
import { ConfabError, decodeChatMessage } from "@confab/contract";
import { RecordingSink } from "../testing/recording-sink.js";
import { lobby, offsets, TestHub } from "../testing/test-hub.js";
import { Work } from "../work/index.js";
import { readHistory } from "./history.js";
import { boundedLineage, maxEarlierEpochs, offsetHere } from "./lineage.js";
import type { Run } from "./run.js";

const outOfRange = (error: unknown) => {
  assert.ok(error instanceof ConfabError && error.code === "OUT_OF_RANGE", String(error));
  assert.deepEqual(error.facts.range, { room: "lobby", epoch: 8, oldest: 3, newest: 8 });
  return true;
};

/** A log of epoch 8 that has messages 3 to 6 of epoch 7, which had ten, and two more. */
async function putBack(): Promise<TestHub> {
  const hub = new TestHub();
  await hub.sayAndDeliver(10);
  hub.engine.memory.putBack(6, 8);
  hub.engine.trim(lobby, 2);
  await hub.sayAndDeliver(2);
  return hub;
}

test("a position of an earlier epoch is resumed from in the epoch of now, up to what is left", async () => {
  const hub = await putBack();
  for (const offset of [2, 5, 6]) {
    const { sink, position, isRecovered } = await hub.reader({ after: { epoch: 7, offset } });
    assert.deepEqual([position, isRecovered], [{ epoch: 8, offset }, true]);
    assert.deepEqual([sink.offsets, [...sink.epochs]], [offsets(offset + 1, 8), [8]]);
  }
});

test("OUT_OF_RANGE with what the log holds for a position of an earlier epoch that is lost, or trimmed away", async () => {
  const hub = await putBack();
  for (const offset of [7, 8, 10, 1]) await assert.rejects(hub.reader({ after: { epoch: 7, offset } }), outOfRange);
  await assert.rejects(hub.reader({ after: { epoch: 6, offset: 5 } }), outOfRange);
});

test("history goes on after such a position, or ends before it", async () => {
  const hub = await putBack();
  const bounds = {
    maxBytes: 1_000,
    sizesOf: (_epoch: number, { count }: Run) => Array<number>(count).fill(1),
    share: new Work().share(),
    unitsPerEntry: 1,
    unitsPerKib: 1,
  };
  const page = async (at: { after?: number; before?: number }) => {
    const [after, before] = [at.after, at.before].map((offset) =>
      offset === undefined ? undefined : { epoch: 7, offset },
    );
    const request = { room: lobby, after, before, limit: 100, isOldestFirst: false };
    const { run, epoch } = await readHistory(hub.engine.log, request, bounds);
    assert.equal(epoch, 8);
    return run.entries.map(({ offset }) => offset);
  };
  assert.deepEqual(await page({ after: 4 }), [5, 6, 7, 8]);
  assert.deepEqual(await page({ before: 5 }), [3, 4]);
  // The first message that is lost: what comes before it is there.
  assert.deepEqual(await page({ before: 7 }), [3, 4, 5, 6]);
  await assert.rejects(page({ before: 8 }), outOfRange);
  await assert.rejects(page({ after: 7 }), outOfRange);
  await assert.rejects(page({ before: 0 }), outOfRange);
});

test("when the log is replaced underneath, readers that it can still serve are told to come back, the others OUT_OF_RANGE", async () => {
  const hub = new TestHub();
  const live = await hub.reader();
  const slow = new RecordingSink();
  slow.roomForWrites = 1;
  const { subscription } = await hub.subscribe(slow);
  await hub.turns.untilIdle();
  await hub.sayAndDeliver(4);
  await hub.sayAndDeliver(6);
  const { position } = subscription;
  assert.deepEqual([position, live.subscription.position.offset], [{ epoch: 7, offset: 4 }, 10]);
  hub.engine.memory.putBack(6, 8);
  hub.engine.interrupt(lobby);
  await hub.turns.untilIdle();
  assert.equal(live.sink.endedWith?.code, "OUT_OF_RANGE");
  assert.deepEqual([slow.endedWith?.code, slow.endedWith?.kind.retry], ["ENGINE_UNAVAILABLE", true]);
  assert.deepEqual((await hub.reader({ after: position })).sink.offsets, [5, 6]);
});

test("a reader whose log is replaced while it catches up is told the same", async () => {
  for (const [upTo, code] of [
    [400, "ENGINE_UNAVAILABLE"],
    [100, "OUT_OF_RANGE"],
  ] as const) {
    const hub = new TestHub();
    await hub.say(700);
    const sink = new RecordingSink();
    await hub.subscribe(sink, { after: { epoch: 7, offset: 0 } });
    while (sink.offsets.length === 0) await hub.turns.next();
    assert.equal(sink.offsets.length, 256, "a page");
    hub.engine.memory.putBack(upTo, 8);
    await hub.turns.untilIdle();
    assert.equal(sink.endedWith?.code, code);
    assert.deepEqual([...sink.epochs], [7]);
  }
});

test("the newest earlier epochs are remembered, and older ones forgotten", () => {
  const all = Array.from({ length: maxEarlierEpochs + 3 }, (_, at) => ({ epoch: at + 1, top: 5 }));
  const room = { epoch: 100, lineage: boundedLineage(all) };
  const found = all.map(({ epoch }) => offsetHere({ epoch, offset: 5 }, room));
  assert.deepEqual(found, [...Array(3).fill(undefined), ...Array(maxEarlierEpochs).fill(5)]);
  assert.equal(offsetHere({ epoch: 5, offset: 6 }, room), undefined);
  assert.equal(offsetHere({ epoch: 100, offset: 600 }, room), 600);
});

test("a message is erased by such a position too, and none by that of a lost one", async () => {
  const hub = await putBack();
  await hub.hub.erase(lobby, { epoch: 7, offset: 5 });
  const { entries } = hub.engine.memory.readForward(lobby, 4, { maxEntries: 2, maxBytes: 1_000 }).run;
  assert.deepEqual(
    entries.map(({ offset, body }) => [offset, decodeChatMessage(body).deleted ?? false]),
    [
      [5, true],
      [6, false],
    ],
  );
  await assert.rejects(hub.hub.erase(lobby, { epoch: 7, offset: 7 }), outOfRange);
});
