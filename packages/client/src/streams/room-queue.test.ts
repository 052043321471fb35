import assert from "node:assert/strict";
import { test } from "node:test";
import { ConfabError } from "@confab/contract";
import type { ChatMessage, HistoryPage } from "../link.js";
import { messageAt } from "../sdk/testing/fake-server.js";
import { settled } from "../sdk/testing/manual-clock.js";
import { RoomQueue } from "./room-queue.js";

/** More than a queue holds. */
const large = 9_000_000;

function page(offsets: readonly number[], newest: number): HistoryPage {
  const more = (offsets.at(-1) ?? newest) < newest;
  return { messages: offsets.map((offset) => messageAt(offset)), more, oldest: "7:1", newest: `7:${newest}` };
}

/** A queue whose pages the test answers, and the loop that takes its messages one at a time. */
function slowReader() {
  const asked: { after: string; answer(page: HistoryPage): void; fail(error: ConfabError): void }[] = [];
  const room = new RoomQueue(
    "7:0",
    (after) => new Promise((resolve, reject) => asked.push({ after, answer: resolve, fail: reject })),
  );
  const loop = room.queue.messages();
  const take = async (count: number) => {
    const texts: string[] = [];
    while (texts.length < count) texts.push((await loop.next()).value?.text ?? "the end");
    return texts;
  };
  const bring = (bytes: number, ...offsets: number[]) =>
    room.received(
      offsets.map((offset): ChatMessage => messageAt(offset)),
      bytes,
    );
  return { asked, room, take, bring };
}

test("a loop that keeps up gets what the socket brings, and no page is asked for", async () => {
  const { asked, take, bring } = slowReader();
  bring(10, 1, 2);
  bring(10, 3);
  assert.deepEqual(await take(3), ["1", "2", "3"]);
  assert.equal(asked.length, 0);
});

test("what comes while the queue is full is read in pages once it is empty, and then the socket goes on", async () => {
  const { asked, take, bring } = slowReader();
  bring(large, 1, 2);
  bring(10, 3, 4, 5);
  assert.deepEqual(await take(2), ["1", "2"]);
  assert.equal(asked.length, 0, "not before the loop asks for more");
  const rest = take(4);
  await settled();
  assert.deepEqual(
    asked.map(({ after }) => after),
    ["7:2"],
  );
  asked[0]?.answer(page([3, 4], 5));
  await settled();
  assert.deepEqual(
    asked.map(({ after }) => after),
    ["7:2", "7:4"],
  );
  asked[1]?.answer(page([5], 5));
  await settled();
  bring(10, 6);
  assert.deepEqual(await rest, ["3", "4", "5", "6"]);
  assert.equal(asked.length, 2);
});

test("a message that came both in a page and by the socket is given out once", async () => {
  const { asked, take, bring } = slowReader();
  bring(large, 1);
  const rest = take(5);
  await settled();
  asked[0]?.answer(page([2, 3, 4], 4));
  await settled();
  // The page overtook these.
  bring(10, 3);
  bring(10, 4, 5);
  assert.deepEqual(await rest, ["1", "2", "3", "4", "5"]);
});

test("a message that came after the page was made is asked for again", async () => {
  const { asked, take, bring } = slowReader();
  bring(large, 1);
  const rest = take(4);
  await settled();
  bring(10, 2, 3);
  asked[0]?.answer(page([2], 2));
  await settled();
  assert.equal(asked[1]?.after, "7:2");
  asked[1]?.answer(page([3], 3));
  await settled();
  bring(10, 4);
  assert.deepEqual(await rest, ["1", "2", "3", "4"]);
});

test("a page that cannot be had ends the reading with its error", async () => {
  const { asked, take, bring } = slowReader();
  bring(large, 1);
  const rest = take(2);
  await settled();
  asked[0]?.fail(new ConfabError("OUT_OF_RANGE", "trimmed"));
  await assert.rejects(rest, { code: "OUT_OF_RANGE" });
});

test("an end while the queue is full comes after what was queued", async () => {
  const { asked, room, take, bring } = slowReader();
  bring(large, 1, 2);
  room.finish();
  assert.deepEqual(await take(3), ["1", "2", "the end"]);
  assert.equal(asked.length, 0);
});
