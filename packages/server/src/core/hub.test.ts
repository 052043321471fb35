import assert from "node:assert/strict";
import { test } from "node:test";
import { ConfabError, decodeChatMessage } from "@confab/contract";
import { settled } from "../testing/manual-turns.js";
import { MemoryEngine } from "../testing/memory-engine.js";
import { OffsetEncoding, RecordingSink } from "../testing/recording-sink.js";
import { lobby, offsets, TestHub } from "../testing/test-hub.js";
import type { RoomId } from "./index.js";

function hasCode(code: string) {
  return (error: unknown) => error instanceof ConfabError && error.code === code;
}

test("a subscription from now gets what is sent from now on", async () => {
  const hub = new TestHub();
  await hub.sayAndDeliver(3);
  const { sink, position, isRecovered } = await hub.reader();
  assert.deepEqual([position, isRecovered], [{ epoch: 7, offset: 3 }, false]);
  await hub.sayAndDeliver(2);
  assert.deepEqual(sink.offsets, [4, 5]);
});

test("a subscription to a room nobody wrote to has a position to resume from", async () => {
  const hub = new TestHub();
  const { position } = await hub.reader();
  assert.deepEqual(position, { epoch: 7, offset: 0 });
  await hub.sayAndDeliver(1);
  const { sink } = await hub.reader({ after: position });
  assert.deepEqual(sink.offsets, [1]);
});

test("a subscription with history begins with the newest, as many as there are", async () => {
  const hub = new TestHub();
  await hub.sayAndDeliver(5);
  assert.deepEqual((await hub.reader({ history: 2 })).sink.offsets, [4, 5]);
  assert.deepEqual((await hub.reader({ history: 1_000 })).sink.offsets, offsets(1, 5));
  hub.engine.trim(lobby, 3);
  const { sink, position } = await hub.reader({ history: 1_000 });
  assert.deepEqual([sink.offsets, position.offset], [[4, 5], 3]);
});

test("a subscription after a position gets exactly what follows it, then live messages", async () => {
  const hub = new TestHub();
  await hub.sayAndDeliver(700);
  const { sink, position, isRecovered } = await hub.reader({ after: { epoch: 7, offset: 100 } });
  assert.deepEqual([position.offset, isRecovered], [100, true]);
  await hub.sayAndDeliver(3);
  assert.deepEqual(sink.offsets, offsets(101, 703));
});

test("OUT_OF_RANGE with what the log holds for a position of another epoch, past the end, or trimmed away", async () => {
  const hub = new TestHub();
  await hub.sayAndDeliver(9);
  hub.engine.trim(lobby, 4);
  for (const after of [
    { epoch: 8, offset: 6 },
    { epoch: 7, offset: 10 },
    { epoch: 7, offset: 3 },
  ]) {
    await assert.rejects(hub.reader({ after }), (error: unknown) => {
      assert.ok(error instanceof ConfabError && error.code === "OUT_OF_RANGE");
      assert.deepEqual(error.facts.range, { room: "lobby", epoch: 7, oldest: 5, newest: 9 });
      return true;
    });
  }
  assert.deepEqual((await hub.reader({ after: { epoch: 7, offset: 4 } })).sink.offsets, offsets(5, 9));
  assert.deepEqual((await hub.reader({ after: { epoch: 7, offset: 9 } })).sink.offsets, []);
  assert.equal(hub.engine.watchersOf(lobby), 1, "the refused ones left nothing behind");
});

test("a batch is delivered whole and in order, and ids of the server's own making are never duplicates", async () => {
  const hub = new TestHub();
  const { sink } = await hub.reader();
  const said = ["1", "2", "3"].map((text) => ({ user: "ann", text, room: "", id: text === "2" ? "id" : "" }));
  const acks = await hub.hub.sendAll(lobby, said);
  hub.engine.deliver();
  await hub.turns.untilIdle();
  assert.deepEqual(sink.offsets, [1, 2, 3]);
  assert.deepEqual(
    acks.map(({ position, duplicate }) => [position.offset, duplicate]),
    [
      [1, false],
      [2, false],
      [3, false],
    ],
  );
  assert.equal(acks[1]?.id, "id");
  const again = await hub.hub.sendAll(lobby, said, { expected: { epoch: 7, offset: 3 } });
  assert.deepEqual(
    again.map(({ position, duplicate }) => [position.offset, duplicate]),
    [
      [4, false],
      [2, true],
      [5, false],
    ],
  );
});

test("one message of a batch that is too large refuses the batch, and so do messages that are it together", async () => {
  const hub = new TestHub({ maxMessageBytes: 1_024 });
  const saying = (...lengths: number[]) =>
    lengths.map((length) => ({ user: "ann", text: "x".repeat(length), room: "", id: "" }));
  // Each is 34 bytes beside its text.
  await hub.hub.sendAll(lobby, saying(478, 478));
  await assert.rejects(hub.hub.sendAll(lobby, saying(478, 479)), {
    code: "PAYLOAD_TOO_LARGE",
    message: "the batch is 1025 bytes; maxMessageBytes is 1024",
  });
  await hub.hub.sendAll(lobby, saying(200, 200), { maxMessageBytes: 300 });
  await assert.rejects(hub.hub.sendAll(lobby, saying(200, 300), { maxMessageBytes: 300 }), {
    code: "PAYLOAD_TOO_LARGE",
    message: /^the message is 3\d\d bytes/,
  });
  assert.equal((await hub.engine.state(lobby)).newest, 4);
});

test("nothing reaches a sink before its subscriber knows where it starts", async () => {
  const hub = new TestHub();
  await hub.sayAndDeliver(3);
  const sink = new RecordingSink();
  await hub.subscribe(sink, { user: "ann", history: 3 });
  assert.deepEqual([sink.writes, sink.presenceChanges], [[], []]);
});

test("a turn's messages are one write for each subscriber, encoded once for each encoding", async () => {
  const hub = new TestHub();
  const encodings = [new OffsetEncoding("a"), new OffsetEncoding("b")] as const;
  const sinks = offsets(1, 50).map((n) => new RecordingSink(encodings[n % 2 === 0 ? 0 : 1]));
  await hub.subscribeAll(sinks.map((sink) => [sink]));
  await hub.turns.untilIdle();
  await hub.sayAndDeliver(10);
  for (const sink of sinks) assert.deepEqual([sink.offsets, sink.writes.length], [offsets(1, 10), 1]);
  assert.deepEqual(
    encodings.map((encoding) => encoding.encodings),
    [1, 1],
  );
  assert.equal(new Set(sinks.map(({ writes }) => writes[0])).size, 2, "the bytes are shared");
});

test("a full sink leaves the fan-out, costs nothing while it is full, and is caught up when it has drained", async () => {
  const hub = new TestHub();
  const slow = await hub.reader();
  const other = await hub.reader();
  slow.sink.roomForWrites = 1;
  await hub.sayAndDeliver(1);
  for (let i = 0; i < 5; i++) await hub.sayAndDeliver(1);
  assert.equal(slow.subscription.state, "lagging");
  assert.deepEqual([slow.sink.offsets, other.sink.offsets], [[1], offsets(1, 6)]);
  slow.sink.roomForWrites = Number.POSITIVE_INFINITY;
  slow.subscription.drained();
  await hub.turns.untilIdle();
  assert.equal(slow.subscription.state, "live");
  await hub.sayAndDeliver(1);
  assert.deepEqual([slow.sink.offsets, other.sink.offsets], [offsets(1, 7), offsets(1, 7)]);
});

test("a turn of more bytes than a socket should get at once is cut, and a full sink is found at the first cut", async () => {
  const hub = new TestHub({ maxMessageBytes: 300_000 });
  const slow = await hub.reader();
  const other = await hub.reader();
  slow.sink.roomForWrites = 1;
  for (let i = 0; i < 4; i++) await hub.hub.send({ user: "a", text: "x".repeat(150_000), room: "", id: "" });
  hub.engine.deliver();
  await hub.turns.untilIdle();
  assert.deepEqual([slow.sink.writes.length, other.sink.writes.length], [1, 2]);
  assert.deepEqual([slow.sink.offsets, other.sink.offsets], [[1, 2], offsets(1, 4)]);
});

test("a reader that is slower than the retention is ended with OUT_OF_RANGE, never with a gap", async () => {
  const hub = new TestHub();
  const { sink, subscription } = await hub.reader();
  sink.roomForWrites = 1;
  await hub.sayAndDeliver(1);
  // More than the room's tail keeps in memory.
  await hub.sayAndDeliver(1_000);
  hub.engine.trim(lobby, 10);
  subscription.drained();
  await hub.turns.untilIdle();
  assert.deepEqual([sink.offsets, sink.endedWith?.code], [[1], "OUT_OF_RANGE"]);
  assert.equal(subscription.state, "closed");
  assert.equal(hub.engine.watchersOf(lobby), 0);
});

test("a room is unwatched with its last reader, and opened again for the next", async () => {
  const hub = new TestHub();
  const readers = [await hub.reader(), await hub.reader({ user: "ann" })];
  for (const { subscription } of readers) {
    assert.equal(hub.engine.watchersOf(lobby), 1);
    subscription.close();
    subscription.close();
  }
  assert.equal(hub.engine.watchersOf(lobby), 0);
  assert.equal(hub.hub.roomInUse(lobby), undefined);
  await hub.sayAndDeliver(2);
  const { sink } = await hub.reader();
  await hub.sayAndDeliver(1);
  assert.deepEqual(sink.offsets, [3]);
});

test("a message that the bus brings before the log has answered reaches the room's first reader", async () => {
  const hub = new TestHub();
  // The answer is of the moment of the question, and comes after the message that follows it.
  let brought: () => void = () => undefined;
  const isBrought = new Promise<void>((resolve) => {
    brought = resolve;
  });
  hub.engine.state = async (room) => {
    const state = hub.engine.memory.state(room);
    await isBrought;
    return state;
  };
  const sink = new RecordingSink();
  const subscribing = hub.subscribe(sink, { after: { epoch: 7, offset: 0 } });
  await settled();
  await hub.say(2);
  hub.engine.deliver();
  brought();
  await subscribing;
  await hub.turns.untilIdle();
  assert.deepEqual(sink.offsets, [1, 2]);
});

test("two first readers at once share one room and one watch", async () => {
  const hub = new TestHub();
  hub.engine.isSlow = true;
  const sinks = [new RecordingSink(), new RecordingSink()];
  const both = Promise.all(sinks.map((sink) => hub.subscribe(sink)));
  hub.engine.isSlow = false;
  hub.engine.releaseAll();
  await both;
  await hub.turns.untilIdle();
  assert.equal(hub.engine.watchersOf(lobby), 1);
  await hub.sayAndDeliver(2);
  for (const sink of sinks) assert.deepEqual(sink.offsets, [1, 2]);
});

test("a first reader that is refused does not take the room from the one that came with it", async () => {
  const hub = new TestHub();
  const sink = new RecordingSink();
  const [refused, taken] = await Promise.allSettled([
    hub.subscribe(new RecordingSink(), { after: { epoch: 1, offset: 0 } }),
    hub.subscribe(sink),
  ]);
  assert.deepEqual([refused.status, taken.status], ["rejected", "fulfilled"]);
  await hub.sayAndDeliver(2);
  assert.deepEqual(sink.offsets, [1, 2]);
  assert.equal(hub.engine.watchersOf(lobby), 1);
});

test("a room whose last reader leaves while another subscribes is opened anew", async () => {
  const hub = new TestHub();
  const first = await hub.reader();
  hub.engine.isSlow = true;
  const sink = new RecordingSink();
  const subscribing = hub.subscribe(sink);
  first.subscription.close();
  hub.engine.isSlow = false;
  hub.engine.releaseAll();
  await subscribing;
  await hub.sayAndDeliver(1);
  assert.deepEqual(sink.offsets, [1]);
  assert.equal(hub.engine.watchersOf(lobby), 1);
});

test("a bus that cannot be watched refuses the subscription and leaves nothing behind", async () => {
  const hub = new TestHub();
  const error = new ConfabError("ENGINE_UNAVAILABLE", "no bus");
  const { watch, state } = hub.engine;
  hub.engine.watch = () => Promise.reject(error);
  await assert.rejects(hub.subscribe(new RecordingSink()), error);
  hub.engine.watch = watch;
  hub.engine.state = () => Promise.reject(error);
  await assert.rejects(hub.subscribe(new RecordingSink()), error);
  hub.engine.state = state;
  assert.equal(hub.engine.watchersOf(lobby), 0);
  await hub.subscribe(new RecordingSink());
});

// Readers of the old log stayed in the room, deaf: its positions were below their top.
test("when the log turns out to be another one its readers are told, and new ones read it", async () => {
  const hub = new TestHub();
  await hub.sayAndDeliver(5);
  const old = await hub.reader();
  hub.engine.memory = new MemoryEngine(8);
  const { sink, position } = await hub.reader();
  assert.equal(old.sink.endedWith?.code, "OUT_OF_RANGE");
  assert.deepEqual(position, { epoch: 8, offset: 0 });
  await hub.sayAndDeliver(2);
  assert.deepEqual([sink.offsets, [...sink.epochs]], [[1, 2], [8]]);
});

test("close ends every subscription in every room", async () => {
  const hub = new TestHub();
  const readers = [await hub.reader(), await hub.reader({ room: "other" as RoomId })];
  hub.hub.close(new ConfabError("SHUTTING_DOWN", "bye"));
  for (const { sink } of readers) assert.equal(sink.endedWith?.code, "SHUTTING_DOWN");
  await hub.sayAndDeliver(1);
  for (const { sink } of readers) assert.deepEqual(sink.offsets, []);
});

test("a message is stored with its room, an id and the server's time", async () => {
  const hub = new TestHub();
  const ack = await hub.hub.send({ user: "ann", text: "hi", room: "", id: "" });
  assert.deepEqual(ack, {
    id: "id-1",
    position: { epoch: 7, offset: 1 },
    sentAtMs: 1_767_323_045_006,
    duplicate: false,
  });
  const { entries } = hub.engine.memory.readForward(lobby, 0, { maxEntries: 1, maxBytes: 1 }).run;
  const stored = decodeChatMessage(entries[0]?.body ?? new Uint8Array());
  assert.deepEqual([stored.room, stored.id, stored.sentAtMs], ["lobby", "id-1", 1_767_323_045_006]);
});

test("the same id of the same user in the same room is stored once, and what differs is stored", async () => {
  const { hub } = new TestHub();
  const send = (user: string, id: string, room = "") => hub.send({ user, text: "hi", room, id });
  const first = await send("ann", "1");
  assert.deepEqual(await send("ann", "1"), { ...first, duplicate: true });
  const others = [
    await send("bob", "1"),
    await send("ann", "2"),
    await send("ann", "1", "other"),
    await send("ann", ""),
  ];
  assert.ok(others.every(({ duplicate }) => !duplicate));
});

test("PAYLOAD_TOO_LARGE above maxMessageBytes of the stored form, not at it", async () => {
  const { hub, engine } = new TestHub({ maxMessageBytes: 1_024 });
  const send = (textBytes: number, id: string) => hub.send({ user: "a", text: "x".repeat(textBytes), room: "", id });
  const storedBytes = () =>
    engine.memory.readBackward(lobby, 100, { maxEntries: 1, maxBytes: 1 }).run.entries[0]?.body.length ?? 0;
  await send(900, "1");
  const overhead = storedBytes() - 900;
  await send(1_024 - overhead, "2");
  assert.equal(storedBytes(), 1_024);
  await assert.rejects(send(1_025 - overhead, "3"), hasCode("PAYLOAD_TOO_LARGE"));
  assert.equal(engine.memory.state(lobby).newest, 2);
});
