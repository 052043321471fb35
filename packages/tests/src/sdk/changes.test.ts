import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import {
  type ChatMessage,
  fold,
  type MessageView,
  type ReadOptions,
  type Room,
  transportNames,
} from "@confab/client/node";
import { Random } from "@confab/contract/testing/random";
import { type ServerProcess, startServerProcess } from "../fixture/server-process.js";
import { quickClient } from "./conversation.js";

describe("changes of messages by the SDK", { timeout: 120_000 }, () => {
  let server: ServerProcess;
  before(async () => {
    server = await startServerProcess();
  });
  after(() => server.stop());

  for (const transport of transportNames) {
    it(`over ${transport}: a random history has the same view for those who were there and for those who come later`, async (t) => {
      const client = quickClient({ url: server.url, transport, user: "ann" });
      t.after(() => client.close());
      const room = client.room(`changes-${transport}`);
      const [live, messagesOnly] = [await follow(room, { changes: true }), await follow(room)];
      const random = new Random(transportNames.indexOf(transport) + 1);
      const said = await randomHistory(room, random, 60);
      await room.send("the end");

      const entries = await live.until("the end");
      const view = fold(entries);
      assert.deepEqual(shown(view.slice(0, -1)), said.shown());
      const fresh = await until(room.messages({ changes: true, after: startOf(entries) }), "the end");
      // Texts that are erased by now came then; all that is left is the same.
      assert.deepEqual(fold(fresh), view);
      assert.deepEqual(fold(await pagesOf(room)), view);
      for (const limit of [3, 100]) assert.deepEqual(await viewsOf(room, limit), view);

      const plain = await messagesOnly.until("the end");
      assert.deepEqual(
        plain.map(({ position }) => position),
        view.map(({ position }) => position),
      );
      assert.ok(plain.every(({ change }) => change === undefined));
      const last = await until(room.messages({ history: 4 }), "the end");
      assert.deepEqual(
        last.map(({ position }) => position),
        view.slice(-4).map(({ position }) => position),
      );
    });
  }

  it("are refused with the error's code, and are stored once by their id", async (t) => {
    const client = quickClient({ url: server.url, user: "ann" });
    t.after(() => client.close());
    const room = client.room("refused");
    const { position } = await room.send("a");
    const first = await room.react(position, "+1", { id: "once" });
    assert.deepEqual(await room.react(position, "+1", { id: "once" }), { ...first, duplicate: true });
    await assert.rejects(room.edit(first.position, "b"), { code: "INVALID_MESSAGE" });
    await assert.rejects(room.edit("1:1", "b"), { code: "OUT_OF_RANGE" });
    await assert.rejects(room.edit("nonsense", "b"), { code: "MALFORMED_MESSAGE" });
    await assert.rejects(room.react(position, "a b"), { code: "INVALID_MESSAGE" });
    await assert.rejects(room.edit(position, 7 as never), { name: "TypeError" });
    await assert.rejects(room.delete(7 as never), { name: "TypeError" });
    await room.delete(position);
    await assert.rejects(room.edit(position, "b"), { code: "MESSAGE_DELETED" });
  });
});

/** What a room says, as those who said it know it. */
class Said {
  readonly messages: {
    readonly position: string;
    text: string;
    isDeleted: boolean;
    readonly reactions: Set<string>;
  }[] = [];

  shown() {
    return this.messages.map(({ position, text, isDeleted, reactions }) => [
      position,
      isDeleted ? "" : text,
      isDeleted,
      isDeleted ? [] : [...reactions].sort(),
    ]);
  }
}

async function randomHistory(room: Room, random: Random, count: number): Promise<Said> {
  const said = new Said();
  const { messages } = said;
  for (let at = 0; at < count; at++) {
    const message = messages[random.int(0, messages.length - 1)];
    if (!message || random.oneIn(3)) {
      const text = `message ${at}`;
      const { position } = await room.send(text);
      messages.push({ position, text, isDeleted: false, reactions: new Set() });
      continue;
    }
    const what = random.pick(["edit", "edit", "delete", "react", "react", "unreact"]);
    const user = random.pick(["ann", "bob"]);
    const emoji = random.pick(["+1", "👍🏽"]);
    const changing =
      what === "edit"
        ? room.edit(message.position, `edit ${at}`)
        : what === "delete"
          ? room.delete(message.position)
          : room.react(message.position, emoji, { user, removed: what === "unreact" });
    if (message.isDeleted) {
      await assert.rejects(changing, { code: "MESSAGE_DELETED" });
      continue;
    }
    await changing;
    if (what === "edit") message.text = `edit ${at}`;
    else if (what === "delete") message.isDeleted = true;
    else if (what === "react") message.reactions.add(`${emoji} ${user}`);
    else message.reactions.delete(`${emoji} ${user}`);
  }
  return said;
}

function shown(view: readonly MessageView[]) {
  return view.map(({ position, text, deleted = false, reactions }) => [
    position,
    text,
    deleted,
    reactions.flatMap(({ emoji, users }) => users.map((user) => `${emoji} ${user}`)).sort(),
  ]);
}

/** Read a room from now on. */
async function follow(room: Room, options: ReadOptions = {}) {
  const entries: ChatMessage[] = [];
  let wake: () => void = () => undefined;
  const subscription = room.subscribe((entry) => {
    entries.push(entry);
    wake();
  }, options);
  while (subscription.position === undefined) await room.history();
  return {
    /** All entries, up to one with this text. */
    until: async (text: string): Promise<ChatMessage[]> => {
      while (entries.at(-1)?.text !== text)
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      return entries;
    },
  };
}

/** Entries up to one with this text. */
async function until(reading: ReturnType<Room["messages"]>, text: string): Promise<ChatMessage[]> {
  const entries: ChatMessage[] = [];
  for await (const entry of reading) {
    entries.push(entry);
    if (entry.text === text) break;
  }
  return entries;
}

/** The position before the first entry. */
function startOf([first]: readonly ChatMessage[]): string {
  const [epoch] = (first?.position ?? "").split(":");
  return `${epoch}:0`;
}

async function pagesOf(room: Room): Promise<ChatMessage[]> {
  const entries: ChatMessage[] = [];
  for (let more = true; more; ) {
    const after = entries.at(-1)?.position;
    const page = await room.history({ changes: true, limit: 7, ...(after ? { after } : { oldestFirst: true }) });
    entries.push(...page.messages);
    more = page.more;
  }
  return entries;
}

/** What the server folds, by pages from the newest to the oldest one. */
async function viewsOf(room: Room, limit: number): Promise<MessageView[]> {
  const views: MessageView[] = [];
  for (let more = true; more; ) {
    const before = views[0]?.position;
    const page = await room.view({ limit, ...(before && { before }) });
    views.unshift(...page.messages);
    more = page.more;
  }
  return views;
}
