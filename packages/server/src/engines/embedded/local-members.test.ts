import assert from "node:assert/strict";
import { test } from "node:test";
import { forEachSeed } from "@confab/contract/testing/random";
import type { RoomId } from "../../core/index.js";
import { MemoryMembers } from "../../testing/memory-members.js";
import { LocalMembers } from "./local-members.js";
import { SortedNames } from "./sorted-names.js";

const names = ["a", "b", "B", "ä", "\uffee", "\u{1f600}", "z", ""] as const;

test("members are counted, told of and paged as the plain directory does", () => {
  forEachSeed(200, (random) => {
    const told: [string, unknown, number][] = [];
    const readers = { entered: () => undefined, leftBy: () => undefined };
    const local = new LocalMembers(5, (change, members) => told.push(["local", change, members]), readers);
    const plain = new MemoryMembers((change, members) => told.push(["plain", change, members]), 5).node();
    const entered: { room: RoomId; user: string }[] = [];
    for (let i = 0; i < 80; i++) {
      const left = random.oneIn(2) ? undefined : entered.splice(random.int(0, Math.max(0, entered.length - 1)), 1)[0];
      const { room, user } = left ?? { room: random.pick(["x", "y"]) as RoomId, user: random.pick(names) };
      if (!left) entered.push({ room, user });
      for (const directory of [local, plain]) {
        if (left) directory.leave(room, user);
        else directory.enter(room, user);
      }
      assert.deepEqual(local.counts([room]), plain.counts([room]));
      const after = random.pick(names);
      assert.deepEqual(local.page(room, after, 3), plain.page(room, after, 3));
    }
    const by = (name: string) => told.filter(([who]) => who === name).map(([, ...rest]) => rest);
    assert.deepEqual(by("local"), by("plain"));
  });
});

test("names stay in order through the splitting and emptying of chunks", () => {
  forEachSeed(5, (random) => {
    const sorted = new SortedNames();
    const kept = new Set<string>();
    const step = (count: number, oneInAdds: number) => {
      for (let i = 0; i < count; i++) {
        const name = `user-${random.int(0, 4_999)}`;
        if (random.oneIn(oneInAdds) === kept.has(name)) continue;
        if (kept.delete(name)) sorted.delete(name);
        else {
          kept.add(name);
          sorted.add(name);
        }
      }
    };
    step(20_000, 1);
    const expect = () => {
      const all = [...kept].sort();
      assert.deepEqual(sorted.after("", 10_000), all);
      const from = all[random.int(0, all.length - 1)] ?? "";
      assert.deepEqual(sorted.after(from, 7), all.slice(all.indexOf(from) + 1, all.indexOf(from) + 8));
    };
    expect();
    step(20_000, 2);
    expect();
    sorted.delete("nobody");
    for (const name of kept) sorted.delete(name);
    assert.deepEqual(sorted.after("", 10), []);
  });
});
