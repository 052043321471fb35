import assert from "node:assert/strict";
import { test } from "node:test";
import { type ChangeKind, ConfabError, decodeChatMessage } from "@confab/contract";
import { RecordingSink } from "../testing/recording-sink.js";
import { lobby, TestHub } from "../testing/test-hub.js";
import type { Encoding, Run } from "./index.js";
import { readHistory } from "./index.js";

const at = (offset: number) => ({ epoch: 7, offset });
const share = { begin: () => undefined, spend: () => undefined };

/** What entries say: their offsets and texts. */
function said({ entries }: Run): string {
  return entries
    .map(({ offset, body }) => ({ offset, ...decodeChatMessage(body) }))
    .map(({ offset, text, deleted }) => `${offset}:${deleted ? "gone" : text} `)
    .join("");
}

const texts: Encoding = { name: "texts", encode: (_room, _epoch, run) => Buffer.from(said(run)) };

/** Two messages and an edit of each, of which the first message is trimmed. */
async function trimmedHub(): Promise<TestHub> {
  const hub = new TestHub();
  for (const text of ["a", "b"]) await hub.hub.send({ user: "ann", text, room: lobby, id: "" });
  const edit: ChangeKind = { kind: "edit" };
  const content = { room: lobby, user: "ann", id: "", change: edit, share, refusalFor: () => undefined };
  for (const offset of [1, 2]) await hub.hub.change({ ...content, text: `new ${offset}`, position: at(offset) });
  hub.engine.deliver();
  hub.engine.trim(lobby, 1);
  return hub;
}

async function page(hub: TestHub, isOldestFirst: boolean): Promise<string> {
  const request = { room: lobby, after: undefined, before: undefined, limit: 10, isOldestFirst, wantsChanges: true };
  const sizesOf = (_epoch: number, { entries }: Run) => entries.map(() => 1);
  const bounds = { maxBytes: 9_999, sizesOf, share, unitsPerEntry: 1, unitsPerKib: 1 };
  return said((await readHistory(hub.engine, request, bounds)).run);
}

test("an edit whose message was trimmed says nothing to readers of changes", async () => {
  const hub = await trimmedHub();
  assert.equal(await page(hub, true), "2:b 3:gone 4:new 2 ");
  assert.equal(await page(hub, false), "2:b 3:gone 4:new 2 ");
  const sink = new RecordingSink(texts);
  await hub.subscribe(sink, { after: at(1), wantsChanges: true });
  await hub.turns.untilIdle();
  assert.equal(Buffer.concat(sink.writes).toString(), "2:b 3:gone 4:new 2 ");
});

test("an erasure of a trimmed message erases its edits, and is answered in the same way again", async () => {
  const hub = await trimmedHub();
  for (const _ of [1, 2]) await hub.hub.erase(lobby, at(1));
  const { run } = hub.engine.memory.readForward(lobby, 0, { maxEntries: 9, maxBytes: 9_999 });
  assert.equal(said(run), "2:b 3:gone 4:new 2 ");
  hub.engine.trim(lobby, 3);
  await assert.rejects(
    hub.hub.erase(lobby, at(1)),
    (error) => error instanceof ConfabError && error.code === "OUT_OF_RANGE",
  );
});
