import assert from "node:assert/strict";
import { test } from "node:test";
import { fromBinary } from "@bufbuild/protobuf";
import { type ChangeKind, type DecodedMessage, decodeChatMessage } from "@confab/contract";
import { MessageViewSchema } from "@confab/contract/gen/confab/v1/message_pb";
import { forEachSeed, type Random } from "@confab/contract/testing/random";
import { lobby, TestHub } from "../testing/test-hub.js";
import { foldedPage } from "./folding.js";
import { type HistoryBounds, type HistoryRequest, readHistory, readsForward } from "./history.js";

const share = { begin: () => undefined, spend: () => undefined };
const bounds: HistoryBounds = {
  maxBytes: 1_000_000,
  sizesOf: (_epoch, { entries }) => entries.map(({ body }) => body.length),
  share,
  unitsPerEntry: 0,
  unitsPerKib: 0,
};
const newest: HistoryRequest = {
  room: lobby,
  after: undefined,
  before: undefined,
  limit: 1_000,
  isOldestFirst: false,
};
const at = (offset: number) => ({ epoch: 7, offset });

async function pageOf({ engine }: TestHub, request: Partial<HistoryRequest> = {}, maxBytes = bounds.maxBytes) {
  const asked = { ...newest, ...request };
  const page = await readHistory(engine.log, asked, { ...bounds, maxBytes });
  const scanned = { log: engine.log, room: lobby, share };
  return foldedPage(scanned, page, readsForward(asked), { ...bounds, maxBytes });
}

/** Messages of a page, in short: offset, text, who edited, and the reactions with their users. */
async function shown(hub: TestHub, request: Partial<HistoryRequest> = {}) {
  const { run } = await pageOf(hub, request);
  const offsets: number[] = [];
  run.each((_bytes, _start, _end, offset) => offsets.push(offset));
  assert.deepEqual(
    offsets,
    run.entries.map(({ offset }) => offset),
  );
  return run.entries.map(({ offset, body }) => [offset, ...shownMessage(decodeChatMessage(body))]);
}

function shownMessage({ text, deleted = false, view }: DecodedMessage) {
  const { edited, reactions } = fromBinary(MessageViewSchema, view ?? new Uint8Array());
  const said = deleted ? "(deleted)" : text;
  return [
    edited ? `${said} (${edited.user} at ${edited.offset})` : said,
    reactions.map(({ emoji, count, users }) => `${emoji} ${count}: ${users.map(({ name }) => name).join(" ")}`).join(),
  ];
}

async function change(hub: TestHub, offset: number, kind: ChangeKind, text = "", user = "ann"): Promise<void> {
  const content = { user, text, id: "", refusalFor: () => undefined, share };
  await hub.hub.change({ room: lobby, position: at(offset), change: kind, ...content });
}

const react = (emoji: string, removed = false): ChangeKind => ({ kind: "reaction", emoji, removed });

test("messages are as their last edit says, with their reactions; those without changes are as they were", async () => {
  const hub = new TestHub();
  await hub.say(3);
  await change(hub, 1, { kind: "edit" }, "first");
  await change(hub, 1, { kind: "edit" }, "second", "bob");
  for (const user of ["ann", "bob", "ann"]) await change(hub, 2, react("+1"), "", user);
  await change(hub, 2, react("heart"));
  await change(hub, 2, react("heart", true));
  await change(hub, 1, react("never given", true));
  assert.deepEqual(await shown(hub), [
    [1, "second (bob at 5)", ""],
    [2, "hi", "+1 2: ann bob"],
    [3, "hi", ""],
  ]);
});

test("a deleted message says nothing, also while its text is not erased yet", async () => {
  const hub = new TestHub();
  await hub.say(2);
  for (const offset of [1, 2]) {
    await change(hub, offset, { kind: "edit" }, "new");
    await change(hub, offset, react("+1"));
  }
  await change(hub, 1, { kind: "deletion" });
  hub.engine.erase = async () => undefined;
  await change(hub, 2, { kind: "deletion" });
  // They came before the message was marked.
  await change(hub, 2, { kind: "edit" }, "late");
  await change(hub, 2, react("+1"));
  assert.deepEqual(await shown(hub), [
    [1, "(deleted)", ""],
    [2, "(deleted)", ""],
  ]);
});

test("an edit that an operator has erased says nothing, and the one before it counts", async () => {
  const hub = new TestHub();
  await hub.say(1);
  await change(hub, 1, { kind: "edit" }, "first");
  await change(hub, 1, { kind: "edit" }, "secret");
  await hub.hub.erase(lobby, at(3));
  assert.deepEqual(await shown(hub), [[1, "first (ann at 2)", ""]]);
});

test("where the log is replaced meanwhile, its changes are not those of these messages", async () => {
  const hub = new TestHub();
  await hub.say(1);
  await change(hub, 1, { kind: "edit" }, "of another log");
  const page = await readHistory(hub.engine.log, newest, bounds);
  const { run } = await foldedPage({ log: hub.engine.log, room: lobby, share }, { ...page, epoch: 8 }, false, bounds);
  assert.equal(decodeChatMessage(run.entries[0]?.body ?? new Uint8Array()).text, "hi");
});

test("a page has the changes up to its newest position, and none that came while it was made", async () => {
  const hub = new TestHub();
  await hub.say(1);
  await change(hub, 1, { kind: "edit" }, "before");
  const page = await readHistory(hub.engine.log, newest, bounds);
  await change(hub, 1, { kind: "edit" }, "after");
  const { run } = await foldedPage({ log: hub.engine.log, room: lobby, share }, page, false, bounds);
  assert.equal(decodeChatMessage(run.entries[0]?.body ?? new Uint8Array()).text, "before");
});

test("a thousand reactions are counted, and a hundred users are named", async () => {
  const hub = new TestHub();
  await hub.say(1);
  for (let user = 0; user < 1_000; user++) await change(hub, 1, react("+1"), "", `user-${user}`);
  const [[, , reactions] = []] = await shown(hub);
  assert.match(String(reactions), /^\+1 1000: user-0 .* user-99$/);
});

test("of one message a hundred different reactions are counted", async () => {
  const hub = new TestHub();
  await hub.say(1);
  for (let emoji = 0; emoji < 150; emoji++) await change(hub, 1, react(`e${emoji}`), "", "ann");
  const [[, , reactions] = []] = await shown(hub);
  assert.equal(String(reactions).match(/e\d+ 1: ann/g)?.length, 100);
});

test("a page that has become too large by edits is cut away from its cursor, and goes on after it", async () => {
  const hub = new TestHub();
  await hub.say(6);
  for (const [at, length] of [100, 100, 100, 400, 400, 900].entries())
    await change(hub, at + 1, { kind: "edit" }, "x".repeat(length));
  const offsetsOf = async (request: Partial<HistoryRequest>) => {
    const { run, hasMore } = await pageOf(hub, request, 1_100);
    return [...run.entries.map(({ offset }) => offset), hasMore];
  };
  assert.deepEqual(await offsetsOf({ after: at(0) }), [1, 2, 3, 4, true]);
  assert.deepEqual(await offsetsOf({}), [6, true]);
  assert.deepEqual(await offsetsOf({ before: at(4) }), [1, 2, 3, false]);
});

/** A message as one would write it down. */
interface Noted {
  readonly offset: number;
  text: string;
  edited: string;
  isDeleted: boolean;
  readonly reactions: Map<string, Set<string>>;
}

async function randomStep(hub: TestHub, random: Random, noted: Noted[], offset: number): Promise<boolean> {
  const message = noted[random.int(0, noted.length)];
  if (!message) {
    await hub.say();
    noted.push({ offset, text: "hi", edited: "", isDeleted: false, reactions: new Map() });
    return true;
  }
  if (message.isDeleted) return false;
  const user = random.pick(["ann", "bob", "cleo"]);
  const emoji = random.pick(["+1", "heart"]);
  const users = message.reactions.get(emoji) ?? new Set();
  switch (random.int(0, 5)) {
    case 0:
      await change(hub, message.offset, { kind: "deletion" });
      message.isDeleted = true;
      return true;
    case 1:
    case 2:
      await change(hub, message.offset, { kind: "edit" }, `edit ${offset}`, user);
      Object.assign(message, { text: `edit ${offset}`, edited: ` (${user} at ${offset})` });
      return true;
    case 3:
      await change(hub, message.offset, react(emoji, true), "", user);
      users.delete(user);
      if (users.size === 0) message.reactions.delete(emoji);
      return true;
    default:
      await change(hub, message.offset, react(emoji), "", user);
      message.reactions.set(emoji, users.add(user));
      return true;
  }
}

test("pages of a random history are what was noted down, whatever page it is", async () => {
  const seeds: Random[] = [];
  forEachSeed(40, (random) => void seeds.push(random));
  for (const random of seeds) {
    const hub = new TestHub();
    const noted: Noted[] = [];
    for (let offset = 1; offset <= random.int(1, 60); ) if (await randomStep(hub, random, noted, offset)) offset++;
    const wanted = noted.map(({ offset, text, edited, isDeleted, reactions }) =>
      isDeleted
        ? [offset, "(deleted)", ""]
        : [
            offset,
            text + edited,
            [...reactions].map(([emoji, users]) => `${emoji} ${users.size}: ${[...users].join(" ")}`).join(),
          ],
    );
    assert.deepEqual(await shown(hub), wanted, `seed ${random.seed}`);
    const middle = random.int(0, noted.at(-1)?.offset ?? 0);
    const limit = random.int(1, 5);
    assert.deepEqual(
      await shown(hub, { after: at(middle), limit }),
      wanted.filter(([offset]) => Number(offset) > middle).slice(0, limit),
    );
    assert.deepEqual(
      await shown(hub, { before: at(middle + 1), limit }),
      wanted.filter(([offset]) => Number(offset) <= middle).slice(-limit),
    );
  }
});
