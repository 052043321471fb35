import assert from "node:assert/strict";
import { test } from "node:test";
import { forEachSeed, type Random } from "@confab/contract/testing/random";
import type { ChatMessage, MessageChange } from "../link.js";
import { fold, type MessageView } from "./fold.js";

type Kind = MessageChange extends infer Each ? (Each extends MessageChange ? Omit<Each, "target"> : never) : never;

function entry(offset: number, others: Partial<ChatMessage> = {}): ChatMessage {
  const base = { user: "ann", text: `${offset}`, room: "r", id: `id-${offset}`, sentAt: new Date(offset) };
  return { ...base, position: `7:${offset}`, ...others };
}

function change(offset: number, target: number, kind: Kind, others: Partial<ChatMessage> = {}): ChatMessage {
  return entry(offset, { text: "", change: { ...kind, target: `7:${target}` } as MessageChange, ...others });
}

const react = (emoji: string, removed = false): Kind => ({ kind: "reaction", emoji, removed });

test("an edit takes the place of text and payload, and the last one counts", () => {
  const payload = { typeUrl: "x/a.B", value: Uint8Array.of(8, 1) };
  const entries = [
    entry(1, { payload }),
    entry(2),
    change(3, 1, { kind: "edit" }, { text: "first" }),
    change(4, 1, { kind: "edit" }, { text: "second", user: "bob" }),
    change(5, 2, { kind: "edit" }, { payload, text: "" }),
  ];
  const [one, two] = fold(entries);
  assert.deepEqual(one, {
    ...entry(1, { text: "second" }),
    edited: { user: "bob", position: "7:4", at: new Date(4) },
    reactions: [],
  });
  assert.deepEqual([two?.text, two?.payload, two?.edited?.position], ["", payload, "7:5"]);
});

test("reactions are sets of users, in the order in which they were given", () => {
  const given = [
    ["ann", "+1"],
    ["bob", "+1"],
    ["ann", "heart"],
    ["ann", "+1"],
  ] as const;
  const entries = [entry(1), ...given.map(([user, emoji], at) => change(at + 2, 1, react(emoji), { user }))];
  const view = fold(entries);
  assert.deepEqual(view[0]?.reactions, [
    { emoji: "+1", count: 2, users: ["ann", "bob"] },
    { emoji: "heart", count: 1, users: ["ann"] },
  ]);
  const removed = [
    change(6, 1, react("+1", true)),
    change(7, 1, react("heart", true)),
    change(8, 1, react("never given", true)),
  ];
  assert.deepEqual(fold(removed, view)[0]?.reactions, [{ emoji: "+1", count: 1, users: ["bob"] }]);
});

test("users that a server has counted and not named stay counted", () => {
  const seen = fold([entry(1)]).map((message) => ({
    ...message,
    reactions: [{ emoji: "+1", count: 2, users: ["ann"] }],
  }));
  const [one] = fold([change(2, 1, react("+1", true))], seen);
  assert.deepEqual(one?.reactions, [{ emoji: "+1", count: 1, users: [] }]);
});

test("who is counted and not named is counted once less when the reaction is taken back, and once more when it is given again", () => {
  const [message] = fold([entry(1)]);
  assert.ok(message);
  const counts = (count: number, ...users: readonly [string, boolean][]) => {
    const view = [{ ...message, reactions: [{ emoji: "+1", count, users: ["ann"] }] }];
    const changes = users.map(([user, removed], at) => change(at + 2, 1, react("+1", removed), { user }));
    return changes.map((_, at) => fold(changes.slice(0, at + 1), view)[0]?.reactions[0]?.count);
  };
  assert.deepEqual(counts(3, ["bob", true], ["bob", false], ["bob", false], ["bob", true]), [2, 3, 3, 2]);
  assert.deepEqual(counts(2, ["bob", true], ["bob", true], ["ann", true]), [1, 1, undefined]);
  assert.deepEqual(counts(2, ["ann", true], ["bob", true]), [1, undefined]);
});

test("a deleted message keeps its place and nothing else, whatever follows, as one that was read after its deletion", () => {
  const payload = { typeUrl: "x/a.B", value: Uint8Array.of(8, 1) };
  const after = [change(6, 1, { kind: "edit" }, { text: "late" }), change(7, 1, react("+1"))];
  const live = fold([
    entry(1, { payload }),
    change(2, 1, { kind: "edit" }, { text: "b" }),
    change(3, 1, react("+1")),
    change(4, 1, { kind: "deletion" }),
    ...after,
  ]);
  const fresh = fold([
    entry(1, { text: "", deleted: true }),
    change(2, 1, { kind: "edit" }, { text: "", deleted: true }),
    change(3, 1, react("+1")),
    change(4, 1, { kind: "deletion" }),
    ...after,
  ]);
  assert.deepEqual(live, [{ ...entry(1, { text: "", deleted: true }), reactions: [] }]);
  assert.deepEqual(fresh, live);
});

test("changes of messages that are not there, of a later version, and entries that come again count for nothing", () => {
  const entries = [
    change(5, 2, react("+1")),
    entry(6),
    change(7, 6, { kind: "unknown" }),
    change(8, 5, { kind: "edit" }),
    change(9, 6, { kind: "edit" }, { deleted: true }),
  ];
  const view = fold(entries);
  assert.deepEqual(view, [{ ...entry(6), reactions: [] }]);
  assert.deepEqual(fold([...entries, entry(6)], view), view);
});

test("what is not changed stays the same object, and the view that is folded on stays as it was", () => {
  const view = fold([entry(1), entry(2), entry(3)]);
  const before = structuredClone(view);
  const later = fold([change(4, 2, react("+1")), entry(5)], view);
  assert.deepEqual(view, before);
  assert.deepEqual(
    later.map((message, at) => message === view[at]),
    [true, false, true, false],
  );
});

test("a change is found by its offset where its epoch is that of before a restore", () => {
  const view = fold([entry(1), entry(2)]);
  const [, two] = fold([{ ...change(3, 2, react("+1")), position: "8:3" }], view);
  assert.equal(two?.reactions.length, 1);
});

/** A room as one would write it down, by message and in no hurry. */
class Model {
  readonly messages = new Map<number, { text: string; isDeleted: boolean; readonly reactions: [string, string][] }>();

  take({ change: changed, text, user, position }: ChatMessage): void {
    const offset = Number(position.split(":")[1]);
    if (!changed) return void this.messages.set(offset, { text, isDeleted: false, reactions: [] });
    const message = this.messages.get(Number(changed.target.split(":")[1]));
    if (!message || message.isDeleted) return;
    if (changed.kind === "edit") message.text = text;
    else if (changed.kind === "deletion") Object.assign(message, { text: "", isDeleted: true, reactions: [] });
    else if (changed.kind === "reaction") this.react(message.reactions, user, changed);
  }

  private react(all: [string, string][], user: string, { emoji, removed }: MessageChange & { kind: "reaction" }): void {
    const at = all.findIndex((each) => each[0] === emoji && each[1] === user);
    if (removed && at >= 0) all.splice(at, 1);
    if (!removed && at < 0) all.push([emoji, user]);
  }

  get shown() {
    return [...this.messages].map(([offset, { text, isDeleted, reactions }]) => [
      offset,
      text,
      isDeleted,
      reactions.map((each) => each.join(" ")).sort(),
    ]);
  }
}

function shown(view: readonly MessageView[]) {
  return view.map(({ position, text, deleted = false, reactions }) => [
    Number(position.split(":")[1]),
    text,
    deleted,
    reactions.flatMap(({ emoji, users }) => users.map((user) => `${emoji} ${user}`)).sort(),
  ]);
}

function randomEntry(random: Random, offset: number): ChatMessage {
  const user = random.pick(["ann", "bob", "cleo"]);
  if (offset === 1 || random.oneIn(3)) return entry(offset, { user });
  const kind = random.pick<Kind>([
    { kind: "edit" },
    { kind: "edit" },
    { kind: "deletion" },
    react("+1"),
    react("heart"),
    react("+1", true),
  ]);
  return change(offset, random.int(1, offset - 1), kind, { user, text: kind.kind === "edit" ? `e${offset}` : "" });
}

test("a view of a random history is what a model says, in one go and in any pieces", () => {
  forEachSeed(300, (random) => {
    const entries = Array.from({ length: random.int(1, 60) }, (_, at) => randomEntry(random, at + 1));
    const model = new Model();
    for (const each of entries) model.take(each);
    const whole = fold(entries);
    assert.deepEqual(shown(whole), model.shown);
    let view: readonly MessageView[] = [];
    for (let at = 0; at < entries.length; ) {
      const count = random.int(1, 9);
      // A reader that resumes may be given again what it has seen.
      view = fold(
        entries.slice(random.oneIn(4) ? 0 : at, at + count).filter((each) => isNew(each, at)),
        view,
      );
      at += count;
    }
    assert.deepEqual(view, whole);
  });
});

/** Changes come once, as every entry does that the SDK gives out; messages may come again. */
function isNew({ change: changed, position }: ChatMessage, seen: number): boolean {
  return !changed || Number(position.split(":")[1]) > seen;
}
