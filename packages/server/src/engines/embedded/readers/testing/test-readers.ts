import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import type { TestContext } from "node:test";
import { testFolder } from "../../testing/test-engine.js";
import { type Child, startChild } from "./child.js";
import type { OwnerOptions } from "./owner-process.js";
import type { Seen } from "./read-rooms.js";

/** A folder, and processes that end with the test. */
export class TestReaders {
  readonly folder = testFolder();
  private readonly children: Child[] = [];

  constructor(test: TestContext) {
    test.after(async () => {
      await Promise.all(this.children.map((child) => child.kill()));
      rmSync(this.folder, { recursive: true, force: true });
    });
  }

  async owner(options: OwnerOptions = {}, folder = this.folder): Promise<Child> {
    const owner = this.start("owner");
    await owner.ask("open", folder, options);
    return owner;
  }

  /** Also one that has not opened the folder. */
  start(program: "owner" | "reader"): Child {
    const child = startChild(program);
    this.children.push(child);
    return child;
  }

  async reader(rooms: readonly string[] = [], folder = this.folder): Promise<Child> {
    const reader = this.start("reader");
    await reader.ask("open", folder);
    await reader.ask("follow", rooms);
    return reader;
  }
}

export type SeenByRoom = Record<string, Seen[]>;

/** The messages that an owner has acknowledged, as far as its parent was told, in the order of their rooms. */
export function acknowledgedBy(owners: readonly Child[]): SeenByRoom {
  const rooms: SeenByRoom = {};
  for (const { told } of owners)
    for (const each of told as { acknowledged?: [room: string, seen: Seen] }[]) {
      if (!each.acknowledged) continue;
      const [room, seen] = each.acknowledged;
      rooms[room] ??= [];
      rooms[room].push(seen);
    }
  for (const seen of Object.values(rooms)) seen.sort(([, a], [, b]) => a - b);
  return rooms;
}

/** Resolves when an owner has reported so many acknowledged messages more. */
export async function acknowledges(owner: Child, more: number): Promise<void> {
  const count = owner.count("acknowledged") + more;
  await owner.until(() => owner.count("acknowledged") >= count);
}

/** Resolves when an owner has logged something like this. */
export async function warns(owner: Child, text: RegExp): Promise<void> {
  await owner.until(() => owner.count("warned") > 0 && owner.told.some((each) => text.test(JSON.stringify(each))));
}

/** Nothing was received twice, nothing was missed, and what was read agreed with it. */
export async function assertFaultless(reader: Child): Promise<void> {
  for (const { name, ...faults } of await reader.ask<{ name: string }[]>("faults"))
    assert.deepEqual(faults, { repeated: 0, holes: 0, problems: [] }, name);
}

/** Each of these was seen, in its place. */
export function assertAllSeen(acknowledged: SeenByRoom, seen: SeenByRoom): void {
  for (const [room, messages] of Object.entries(acknowledged)) {
    const known = new Map((seen[room] ?? []).map((each) => [`${each[0]}:${each[1]}`, each[2]]));
    for (const [epoch, offset, text] of messages) assert.equal(known.get(`${epoch}:${offset}`), text, room);
  }
}

/** Offsets rise by one within each epoch. */
export function assertInOrder(seen: SeenByRoom, rooms: readonly string[]): void {
  for (const room of rooms) {
    const messages = seen[room] ?? [];
    for (const [index, [epoch, offset]] of messages.entries()) {
      const before = messages[index - 1];
      if (before?.[0] === epoch) assert.equal(offset, before[1] + 1, `${room}: once, in order`);
      else assert.equal(offset, 1, `${room}: an epoch from its beginning`);
    }
  }
}

/** What a reader has seen when it has received all that was acknowledged until now. */
export async function seenBy(reader: Child): Promise<SeenByRoom> {
  await reader.ask("caughtUp");
  return reader.ask<SeenByRoom>("seen");
}

/** Resolves when a reader can read. */
export async function readableAgain(reader: Child): Promise<void> {
  while ((await reader.ask("trouble")) !== undefined);
}

/** A reader goes on while owners are killed one after another, in the middle of sends. */
export async function killOwners(test: TestContext, kills: number): Promise<void> {
  const rooms = ["room-0", "room-1"];
  const readers = new TestReaders(test);
  const owners = [await readers.owner()];
  const reader = await readers.reader(rooms);
  for (let kill = 1; kill <= kills; kill++) {
    const owner = owners.at(-1) as Child;
    await owner.ask("startSending", 6, rooms, 2_000);
    await acknowledges(owner, 10 + kill * 7);
    await owner.kill();
    owners.push(await readers.owner());
  }
  await readableAgain(reader);
  const seen = await seenBy(reader);
  assertAllSeen(acknowledgedBy(owners), seen);
  assertInOrder(seen, rooms);
  await assertFaultless(reader);
  const whole = await owners.at(-1)?.ask<Record<string, { seen: unknown }>>("read");
  // Nothing was seen that was not kept.
  for (const room of rooms) assert.deepEqual(seen[room], whole?.[room]?.seen);
  assert.deepEqual(await reader.ask("read"), whole);
}
