import assert from "node:assert/strict";
import { test } from "node:test";
import type { RoomId } from "../../../core/index.js";
import { RedisLostError } from "../redis-error.js";
import type { RedisLink } from "../redis-link.js";
import { MemberKeys } from "./member-keys.js";
import { MembersWriter } from "./members-writer.js";
import { OwnRooms } from "./own-rooms.js";

const keys = new MemberKeys("test");
const hall = "hall" as RoomId;
const yard = "yard" as RoomId;

/** What a Redis would hold of one node, and a link to it that breaks at one call. */
class BreakingLink implements Pick<RedisLink, "run" | "send"> {
  readonly hashes = new Map<string, Map<string, string>>();
  readonly stamps = new Map<string, string>();
  readonly listed = new Set<string>();
  calls = 0;
  /** The call that fails, counted from 1. */
  breaksAt = 0;
  /** Whether Redis does what it was asked before the connection is lost. */
  isAnswerLost = false;

  async run(_script: unknown, [, , nodes = "", own = ""]: readonly string[], args: readonly (string | Buffer)[]) {
    return this.call(() => {
      const [, expected, stamp = "", , ...pairs] = args.map(String);
      const hash = this.hashes.get(own) ?? new Map<string, string>();
      for (let at = 0; at < pairs.length; at += 2) {
        if (pairs[at + 1] === "0") hash.delete(pairs[at] ?? "");
        else hash.set(pairs[at] ?? "", pairs[at + 1] ?? "");
      }
      this.hashes.set(own, hash);
      const before = this.stamps.get(nodes) ?? "";
      if (stamp === "") this.stamps.delete(nodes);
      else this.stamps.set(nodes, stamp);
      return expected === "*" || expected === before ? 1 : 0;
    });
  }

  async send(key: string, [command, , ...args]: readonly (string | Buffer)[]): Promise<unknown> {
    return this.call(() => {
      const hash = [...(this.hashes.get(key) ?? [])];
      switch (command) {
        case "SADD":
          return this.listed.add(String(args[0]));
        case "SREM":
          return this.listed.delete(String(args[0]));
        case "HSCAN":
          return [Buffer.from("0"), hash.flat().map((text) => Buffer.from(text))];
        default:
          throw new Error(`nobody asks for ${String(command)}`);
      }
    });
  }

  private async call<T>(work: () => T): Promise<T> {
    this.calls++;
    const isBroken = this.calls === this.breaksAt;
    const answer = isBroken && !this.isAnswerLost ? undefined : work();
    await new Promise(setImmediate);
    if (isBroken) throw new RedisLostError("broken", true);
    return answer as T;
  }
}

class Bench {
  readonly link = new BreakingLink();
  readonly own = new OwnRooms();
  readonly failures: unknown[] = [];
  isTrusted = true;
  readonly writer = new MembersWriter("n1", {
    link: this.link,
    keys,
    own: this.own,
    maxEventMembers: 1_000,
    mayWrite: () => this.isTrusted,
    occupancyChanged: () => undefined,
    failed: (thrown) => this.failures.push(thrown),
  });

  enter(room: RoomId, ...users: readonly string[]): void {
    for (const user of users) {
      this.own.enter(room, user);
      this.writer.add(room);
    }
  }

  leave(room: RoomId, ...users: readonly string[]): void {
    for (const user of users) {
      this.own.leave(room, user);
      this.writer.add(room);
    }
  }

  /** Until Redis knows everything: each break is over when the next sign of life has gone through. */
  async settle(): Promise<void> {
    while (!(await this.writer.idle())) this.writer.resume();
  }

  /** What Redis holds of a room: `ann=1` and so on, and the stamp's number of subscriptions. */
  held(room: RoomId, node = "n1"): { members: string[]; subscribers: string | undefined } {
    const hash = this.link.hashes.get(keys.nodeMembers(room, node)) ?? new Map<string, string>();
    const members = [...hash].map(([user, connections]) => `${user}=${connections}`).sort();
    return { members, subscribers: this.link.stamps.get(keys.nodes(room))?.split(":")[0] };
  }
}

async function comeAndGo(bench: Bench): Promise<void> {
  bench.enter(hall, "ann", "bob", "", "ann");
  bench.enter(yard, "cat");
  await bench.settle();
  bench.leave(hall, "bob", "ann");
  bench.leave(yard, "cat");
  bench.enter(hall, "dan");
  await bench.settle();
  bench.enter(yard, "eve");
  await bench.settle();
}

for (const isAnswerLost of [false, true]) {
  const when = isAnswerLost ? "after Redis has done what it was asked" : "before Redis was asked";
  test(`whichever call the connection breaks at, ${when}, Redis comes to hold the truth`, async () => {
    for (let breaksAt = 1; ; breaksAt++) {
      const bench = new Bench();
      Object.assign(bench.link, { breaksAt, isAnswerLost });
      await comeAndGo(bench);
      if (bench.link.calls < breaksAt) break;
      const where = `broken at call ${breaksAt}`;
      assert.deepEqual(bench.held(hall), { members: ["ann=1", "dan=1"], subscribers: "3" }, where);
      assert.deepEqual(bench.held(yard), { members: ["eve=1"], subscribers: "1" }, where);
      assert.deepEqual([...bench.link.listed].sort(), [hall, yard], where);
      assert.equal(bench.failures.length, 1, where);
    }
  });
}

test("changes of a turn are one run of the script, and a large room is written in several", async () => {
  const bench = new Bench();
  bench.enter(hall, "ann", "bob", "cat");
  bench.leave(hall, "bob");
  await bench.settle();
  // The room is listed, and written.
  assert.equal(bench.link.calls, 2);
  const many = Array.from({ length: 1_200 }, (_, index) => `user-${index}`);
  bench.enter(hall, ...many);
  await bench.settle();
  assert.equal(bench.link.calls, 2 + 3);
  assert.equal(bench.held(hall).members.length, 1_202);
});

test("nothing is written while the others may have given the node up, nor lost", async () => {
  const bench = new Bench();
  bench.isTrusted = false;
  bench.enter(hall, "ann");
  assert.equal(await bench.writer.idle(), false);
  assert.equal(bench.link.calls, 0);
  bench.isTrusted = true;
  await bench.settle();
  assert.deepEqual(bench.held(hall).members, ["ann=1"]);
});

test("while Redis is away, those who come and go are not kept by name without a bound, and are right when it is back", async () => {
  const bench = new Bench();
  bench.enter(hall, "ann", "bob");
  await bench.settle();
  bench.isTrusted = false;
  bench.enter(hall, "cat");
  assert.equal(await bench.writer.idle(), false);
  bench.leave(hall, "bob");
  for (let index = 0; index < 10_000; index++) {
    bench.enter(hall, `passer-${index}`);
    bench.leave(hall, `passer-${index}`);
  }
  assert.ok((bench.own.get(hall)?.stale.size ?? 0) < 2_000);
  bench.isTrusted = true;
  await bench.settle();
  assert.deepEqual(bench.held(hall), { members: ["ann=1", "cat=1"], subscribers: "2" });
});

test("under a new name all is written again, though a writing under the old one is on its way", async () => {
  const bench = new Bench();
  bench.enter(hall, "ann", "bob");
  bench.enter(yard, "cat");
  const written = bench.writer.idle();
  await new Promise(setImmediate);
  bench.writer.startAnew("n2");
  bench.leave(hall, "bob");
  await written;
  await bench.settle();
  assert.ok(bench.writer.isWrittenAnew);
  assert.deepEqual([bench.held(hall, "n2").members, bench.held(yard, "n2").members], [["ann=1"], ["cat=1"]]);
});

test("where Redis has lost or seen something else, the room is compared and written again", async () => {
  const bench = new Bench();
  bench.enter(hall, "ann", "bob");
  await bench.settle();
  const hash = bench.link.hashes.get(keys.nodeMembers(hall, "n1"));
  hash?.delete("ann");
  hash?.set("ghost", "1");
  bench.link.stamps.set(keys.nodes(hall), "7:0");
  bench.enter(hall, "cat");
  await bench.settle();
  assert.deepEqual(bench.held(hall), { members: ["ann=1", "bob=1", "cat=1"], subscribers: "3" });
});
