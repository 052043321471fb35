import assert from "node:assert/strict";
import { test } from "node:test";
import { ConfabError, decodeChatMessage } from "@confab/contract";
import { settled } from "../testing/manual-turns.js";
import { RecordingSink } from "../testing/recording-sink.js";
import { lobby, TestHub } from "../testing/test-hub.js";
import type { Encoding, RoomId, Run } from "./index.js";

/** An encoding whose bytes are the texts, so that a test reads what a sink was given. */
const texts: Encoding = {
  name: "texts",
  encode: (_room: RoomId, _epoch: number, { entries }: Run) =>
    Buffer.from(
      entries
        .map(({ body }) => decodeChatMessage(body))
        .map(({ text, deleted }) => (deleted ? "(erased) " : `${text} `))
        .join(""),
    ),
};

function heardBy({ writes }: RecordingSink): string {
  return Buffer.concat(writes).toString().trim();
}

async function say(hub: TestHub, ...said: readonly string[]): Promise<void> {
  for (const text of said) await hub.hub.send({ user: "ann", text, room: lobby, id: "" });
}

async function saidAndDelivered(...said: readonly string[]): Promise<TestHub> {
  const hub = new TestHub();
  await say(hub, ...said);
  hub.engine.deliver();
  await hub.turns.untilIdle();
  return hub;
}

const at = (offset: number) => ({ epoch: 7, offset });

/** What a reader gets that comes now, from the beginning. */
async function whatANewReaderGets(hub: TestHub): Promise<string> {
  const sink = new RecordingSink(texts);
  await hub.subscribe(sink, { after: at(0) });
  await hub.turns.untilIdle();
  return heardBy(sink);
}

test("an erased message keeps all but what it says", async () => {
  const hub = new TestHub();
  const ack = await hub.hub.send({
    user: "ann",
    text: "secret",
    room: lobby,
    id: "m1",
    payload: { typeUrl: "x/a.B", value: Uint8Array.of(8, 1) },
  });
  await hub.hub.erase(lobby, ack.position);
  const { entries } = hub.engine.memory.readForward(lobby, 0, { maxEntries: 9, maxBytes: 9_999 }).run;
  const { position: _, encodedPayload: __, ...left } = decodeChatMessage(entries[0]?.body ?? new Uint8Array());
  const { sentAtMs } = ack;
  assert.deepEqual(left, { user: "ann", text: "", room: lobby, id: "m1", payload: undefined, sentAtMs, deleted: true });
});

test("OUT_OF_RANGE where there is no message: past the end, before the beginning, of another epoch", async () => {
  const hub = await saidAndDelivered("a");
  for (const position of [at(0), at(2), { epoch: 8, offset: 1 }])
    await assert.rejects(
      hub.hub.erase(lobby, position),
      (error) => error instanceof ConfabError && error.code === "OUT_OF_RANGE",
    );
});

test("who comes after an erasure does not get the text out of the tail of the fan-out", async () => {
  const hub = await saidAndDelivered();
  const live = new RecordingSink(texts);
  await hub.subscribe(live);
  await say(hub, "a", "secret", "c");
  hub.engine.deliver();
  await hub.turns.untilIdle();
  await hub.hub.erase(lobby, at(2));
  assert.equal(await whatANewReaderGets(hub), "a (erased) c");
  assert.equal(heardBy(live), "a secret c", "what was given is not taken back");
});

test("what the bus has brought and is not delivered yet is delivered as it is after the erasure", async () => {
  const hub = await saidAndDelivered();
  const live = new RecordingSink(texts);
  await hub.subscribe(live);
  await hub.turns.untilIdle();
  await say(hub, "a", "secret");
  hub.engine.deliver();
  await hub.hub.erase(lobby, at(2));
  await hub.turns.untilIdle();
  assert.equal(heardBy(live), "a (erased)");
  assert.equal(await whatANewReaderGets(hub), "a (erased)");
});

test("a page that is kept for others who catch up is dropped", async () => {
  const hub = await saidAndDelivered(...Array.from({ length: 300 }, (_, n) => (n === 1 ? "secret" : "x")));
  // It keeps the cache in use: it is away from the end, and its log does not answer.
  const waiting = new RecordingSink(texts);
  await hub.subscribe(waiting, { after: at(260) });
  const first = new RecordingSink(texts);
  await hub.subscribe(first, { after: at(0) });
  hub.engine.isSlow = true;
  await hub.turns.untilIdle();
  hub.engine.releaseOne(1);
  await settled();
  assert.match(heardBy(first), /^x secret x/);
  hub.engine.isSlow = false;
  await hub.hub.erase(lobby, at(2));
  assert.match(await whatANewReaderGets(hub), /^x \(erased\) x/);
});

test("a page that was asked for before the erasure is not kept for later readers", async () => {
  const hub = await saidAndDelivered(...Array.from({ length: 300 }, (_, n) => (n === 1 ? "secret" : "x")));
  const { engine } = hub;
  const answers: (() => void)[] = [];
  const readNow = engine.readForward.bind(engine);
  engine.readForward = (...asked) => {
    const page = readNow(...asked);
    return new Promise((resolve) => answers.push(() => resolve(page)));
  };
  const sinks = [new RecordingSink(texts), new RecordingSink(texts)];
  await hub.subscribe(sinks[0] ?? assert.fail(), { after: at(0) });
  await hub.turns.untilIdle();
  let isErased = false;
  const erasing = hub.hub.erase(lobby, at(2)).finally(() => {
    isErased = true;
  });
  // The reader's page is the first one that was asked for: it comes when all is over.
  while (!isErased) {
    if (answers.length > 1) answers.pop()?.();
    await settled();
  }
  await erasing;
  answers.pop()?.();
  await settled();
  await hub.subscribe(sinks[1] ?? assert.fail(), { after: at(0) });
  for (let turns = 0; turns < 20; turns++) {
    await hub.turns.next();
    for (const answer of answers.splice(0)) answer();
    await settled();
  }
  assert.match(heardBy(sinks[1] ?? assert.fail()), /^x \(erased\) x/);
});

test("a node that missed an erasure forgets the text when it compares its idle rooms with the log", async () => {
  const hub = await saidAndDelivered();
  await hub.subscribe(new RecordingSink(texts));
  await say(hub, "a", "secret");
  hub.engine.deliver();
  await hub.turns.untilIdle();
  hub.engine.isLossy = true;
  await hub.hub.erase(lobby, at(2));
  assert.equal(await whatANewReaderGets(hub), "a secret", "nothing has told it");
  for (let round = 0; round < 2; round++) {
    hub.hub.checkIdleRooms();
    await hub.turns.untilIdle();
    await settled();
  }
  assert.equal(await whatANewReaderGets(hub), "a (erased)");
});

test("a node whose bus was interrupted forgets what it kept", async () => {
  const hub = await saidAndDelivered();
  await hub.subscribe(new RecordingSink(texts));
  await say(hub, "a", "secret");
  hub.engine.deliver();
  await hub.turns.untilIdle();
  hub.engine.isLossy = true;
  await hub.hub.erase(lobby, at(2));
  hub.engine.interrupt(lobby);
  await hub.turns.untilIdle();
  await settled();
  assert.equal(await whatANewReaderGets(hub), "a (erased)");
});
