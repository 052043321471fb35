import assert from "node:assert/strict";
import { test } from "node:test";
import { ConfabError } from "@confab/contract";
import { OffsetEncoding, RecordingSink } from "../testing/recording-sink.js";
import { offsets, TestHub } from "../testing/test-hub.js";
import { Work } from "../work/index.js";

/** A reader that is behind by more than memory holds, so that it needs the log; its socket has not drained yet. */
async function laggingReader(hub: TestHub) {
  const reader = await hub.reader();
  reader.sink.roomForWrites = 1;
  await hub.sayAndDeliver(1);
  await hub.sayAndDeliver(1_000);
  reader.sink.roomForWrites = Number.POSITIVE_INFINITY;
  return reader;
}

// Readers were ended with the error, and a Redis that was restarted lost everybody who was catching up.
test("a reader stays when the log is away or overloaded, and is made whole when it is back", async () => {
  for (const code of ["ENGINE_UNAVAILABLE", "OVERLOADED"] as const) {
    const hub = new TestHub();
    const { sink, subscription } = await laggingReader(hub);
    const { readForward } = hub.engine;
    hub.engine.readForward = () => Promise.reject(new ConfabError(code, "try again"));
    subscription.drained();
    await hub.turns.untilIdle();
    assert.deepEqual([sink.endedWith, subscription.state, sink.offsets], [undefined, "catching-up", [1]]);
    hub.engine.readForward = readForward;
    hub.turns.endWaits();
    await hub.turns.untilIdle();
    assert.deepEqual([subscription.state, sink.offsets], ["live", offsets(1, 1_001)]);
  }
});

test("waits for a log that is away grow to a bound, and are short again once something was read", async () => {
  const hub = new TestHub();
  const { sink, subscription } = await laggingReader(hub);
  hub.engine.isAway = true;
  subscription.drained();
  const waitsMs: number[] = [];
  for (let i = 0; i < 6; i++) {
    await hub.turns.untilIdle();
    waitsMs.push(...hub.turns.waitsMs);
    hub.engine.isAway = i < 4;
    // The first page is read, and the second is not there.
    if (i === 4) hub.engine.newestShown = 257;
    hub.turns.endWaits();
  }
  assert.deepEqual(waitsMs, [250, 500, 1_000, 2_000, 2_000, 250]);
  assert.deepEqual(sink.offsets, offsets(1, 257));
});

test("all readers that wait for the log share one wait, and one that leaves meanwhile is forgotten", async () => {
  const hub = new TestHub();
  const readers = [await hub.reader(), await hub.reader(), await hub.reader()];
  await hub.say(3);
  hub.engine.isAway = true;
  // The first is lost, so that everybody has to read.
  hub.engine.deliver(1, 0);
  hub.engine.deliver();
  await hub.turns.untilIdle();
  assert.deepEqual(hub.turns.waitsMs, [250]);
  readers[1]?.subscription.close();
  hub.engine.isAway = false;
  hub.turns.endWaits();
  await hub.turns.untilIdle();
  assert.deepEqual(
    readers.map(({ sink }) => sink.offsets),
    [offsets(1, 3), [], offsets(1, 3)],
  );
});

// The log was asked again in every turn for as long as it lagged behind.
test("a reader does not turn while the log lags behind the bus, and misses nothing when it has come up", async () => {
  const hub = new TestHub();
  const { sink, subscription } = await hub.reader();
  hub.engine.newestShown = 0;
  await hub.say(2);
  hub.engine.deliver(1, 0);
  hub.engine.deliver();
  await hub.turns.untilIdle();
  assert.deepEqual([hub.engine.reads, sink.offsets, subscription.state], [1, [], "catching-up"]);
  hub.engine.newestShown = 1;
  hub.turns.endWaits();
  await hub.turns.untilIdle();
  assert.deepEqual(sink.offsets, [1]);
  hub.engine.newestShown = 2;
  hub.turns.endWaits();
  await hub.turns.untilIdle();
  assert.deepEqual([sink.offsets, subscription.state], [[1, 2], "live"]);
});

test("a hole found in a turn of very many entries is filled", async () => {
  const hub = new TestHub();
  const { sink } = await hub.reader();
  await hub.say(2);
  hub.engine.deliver(1, 0);
  // More than a call can have arguments.
  hub.engine.deliver(1, 200_000);
  await hub.turns.untilIdle();
  assert.deepEqual(sink.offsets, [1, 2]);
});

// A connection with a thousand streams that caught up had a thousand pages before a reader of another one had its first.
test("a page is given to one reader of each connection in turn, however many a connection has", async () => {
  const hub = new TestHub();
  await hub.say(2_000);
  const share = new Work().share();
  const crowd = Array.from({ length: 100 }, () => new RecordingSink(new LargePages(), undefined, share));
  const single = new RecordingSink(new LargePages());
  const after = { epoch: 7, offset: 0 };
  await hub.subscribeAll([...crowd, single].map((sink) => [sink, { after }]));
  // Each page is as large as what one turn may give.
  for (let turn = 0; single.writes.length < 8; turn++) {
    assert.ok(turn < 20, `${single.writes.length} pages after ${turn} turns`);
    await hub.turns.next();
  }
});

/** Pages of which one fills a turn, whatever the entries are. */
class LargePages extends OffsetEncoding {
  override encode(): Uint8Array {
    return new Uint8Array(200_000);
  }
}
