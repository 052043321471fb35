import assert from "node:assert/strict";
import { after, type TestContext, test } from "node:test";
import { limitsWith } from "@confab/contract";
// By path: the package does not export how slots are computed.
import { slotOf, tagIn } from "../../../server/dist/engines/redis/slots.js";
import { RedisCluster, until } from "../fixture/redis-cluster.js";
import type { RedisServer } from "../fixture/redis-server.js";
import { findPart, requirePart } from "../optional-parts.js";
import { lobby, TestNode, untilHas } from "./testing/node.js";
import { aPrefix } from "./testing/open-node.js";
import { readmeRights } from "./testing/readme-rights.js";

/** What does not arrive is waited for. */
const timeout = 60_000;

/** Two masters with slots, one without any, and a replica of the first. */
const cluster =
  findPart("redis") === undefined ? undefined : await RedisCluster.start({ masters: 3, empty: 1, replicas: 1 });
after(() => cluster?.stop());

interface Moving {
  readonly cluster: RedisCluster;
  /** The slot of the room, the master that has it, and one that has no slot. */
  readonly slot: string;
  readonly from: RedisServer;
  readonly to: RedisServer;
  readonly prefix: string;
  readonly infos: readonly string[];
  readonly warnings: readonly string[];
  /** Another node of the same deployment. */
  node(config?: Partial<Parameters<typeof TestNode.open>[0]>): Promise<TestNode>;
}

/** A separate deployment, and the slot of a room, which is back at the same master after the test. */
async function moving(t: TestContext, room = lobby): Promise<Moving | undefined> {
  if (!cluster) return void requirePart(t, "redis");
  const prefix = aPrefix();
  const infos: string[] = [];
  const warnings: string[] = [];
  const log = {
    info: (_: object, line: string) => void infos.push(line),
    warn: (facts: object, line: string) => void warnings.push(`${line} ${JSON.stringify(facts)}`),
  };
  const [slot, from] = await cluster.homeOf(`${prefix}:{${room}}:log`);
  const to = cluster.masters.at(-1);
  assert.ok(to && to !== from);
  t.after(async () => {
    await cluster.moveSlot(slot, from, to);
    await cluster.moveSlot(slot, to, from);
  });
  const node = async (config = {}) => {
    const opened = await TestNode.open({
      url: cluster.url,
      prefix,
      answerTimeoutMs: 5_000,
      limits: limitsWith({ nodeTimeoutMs: 900 }),
      calmRefreshMs: 600_000,
      log,
      ...config,
    });
    t.after(() => opened.close());
    return opened;
  };
  return { cluster, slot, from, to, prefix, infos, warnings, node };
}

function roomIn(isIn: (slot: number) => boolean): typeof lobby {
  const room = tagIn(isIn, "room-");
  assert.ok(room);
  return room as typeof lobby;
}

const neighbour = roomIn((slot) => slot === slotOf(lobby));

/** Its master has the replica. */
const replicated = roomIn((slot) => slot === 0);

test("a slot that stays open: sends, readers, presence, signals and history of its rooms go on", {
  timeout,
}, async (t) => {
  const open = await moving(t);
  if (!open) return;
  const { cluster, slot, from, to, infos, warnings } = open;
  const [one, two] = [await open.node(), await open.node()];
  const readers = [await one.readAs("ann"), await two.readAs("bob")];
  const first = await one.say("1", "id-1");
  await cluster.openSlot(slot, from, to);
  assert.deepEqual((await two.say("1", "id-1")).position, first.position, "a repeated send is recognised");
  await two.say("2", "id-2");
  assert.equal((await one.say("2", "id-2")).duplicate, true);
  await one.say("3");
  for (const { sink } of readers) await untilHas(sink, 3);
  one.signal("typing");
  const visitor = await one.readAs("cat");
  for (const { sink } of readers) {
    await until(() => sink.signals.length === 1 && sink.presenceChanges.some(({ user }) => user === "cat"));
  }
  await until(
    async () => (await two.engine.members.page(lobby, "", 10)).map(({ user }) => user).join() === "ann,bob,cat",
  );
  visitor.leave();
  await untilHas(await two.read({ ...first.position, offset: 0 }), 3);
  // A room that begins now, and a node.
  const next = await one.say("1", "", neighbour);
  assert.equal(next.position.offset, 1);
  const three = await open.node();
  await three.say("4");
  await untilHas(await three.read({ ...next.position, offset: 0 }, neighbour), 1);
  assert.deepEqual((await three.engine.log.list("", "", 10)).map(({ room, newest }) => `${room}:${newest}`).sort(), [
    `${lobby}:4`,
    `${neighbour}:1`,
  ]);
  assert.deepEqual(warnings, []);
  const told = infos.filter((line) => line.includes("being moved")).length;
  assert.ok(told >= 1 && told <= 3, `${told} lines of three nodes`);

  await cluster.moveSlot(slot, from, to);
  await two.say("5");
  for (const { sink } of readers) await untilHas(sink, 5);
  await cluster.moveSlot(slot, to, from);
  await one.say("6");
  for (const { sink } of readers) await untilHas(sink, 6);
});

test("a slot that is moved key by key while two nodes send: each send succeeds, and readers have all once and in order", {
  timeout,
}, async (t) => {
  const open = await moving(t);
  if (!open) return;
  const { cluster, slot, from, to } = open;
  const nodes = [await open.node(), await open.node()];
  const readers = await Promise.all(nodes.map((node) => node.read()));
  let isMoved = false;
  let sent = 0;
  const sending = nodes.map(async (node, index) => {
    let before = 0;
    for (let i = 0; !isMoved || i < 50; i++) {
      // Not again and again: none may fail.
      const id = `${index}-${i}`;
      const { position, duplicate } = await node.say(id, id);
      assert.ok(position.offset > before && !duplicate);
      before = position.offset;
      sent++;
    }
  });
  const moved = (async () => {
    try {
      for (const [source, target] of [
        [from, to],
        [to, from],
      ] as const) {
        await cluster.openSlot(slot, source, target);
        while (await cluster.moveKeys(slot, source, target, 1));
        await cluster.closeSlot(slot, source, target);
      }
    } finally {
      isMoved = true;
    }
  })();
  await Promise.all([...sending, moved]);
  for (const reader of readers) await untilHas(reader, sent);
  assert.equal((await nodes[0]?.engine.log.state(lobby))?.messages, sent);
});

test("a message counts when replicas have it, also at the master to which its slot moves", { timeout }, async (t) => {
  const open = await moving(t, replicated);
  if (!open) return;
  const { cluster, slot, from, to } = open;
  const node = await open.node({ waitReplicas: 1, answerTimeoutMs: 2_000 });
  assert.equal((await node.sayUntilAcked("1", replicated)).position.offset, 1);
  // The other master has no replica.
  await cluster.openSlot(slot, from, to);
  await assert.rejects(node.say("2", "id-2", replicated), { code: "OUTCOME_UNKNOWN" });
  assert.equal((await node.engine.log.state(replicated)).newest, 2);
  await cluster.moveSlot(slot, from, to);
  await cluster.openSlot(slot, to, from);
  const again = await node.sayUntilAcked("3", replicated);
  assert.equal(again.position.offset, 3);
  assert.deepEqual((await node.say("2", "id-2", replicated)).position, { ...again.position, offset: 2 });
});

test("a node without the right to MIGRATE refuses sends while a room's keys are apart, and says so; with it they succeed", {
  timeout,
}, async (t) => {
  const open = await moving(t);
  if (!open) return;
  const { cluster, slot, from, to, prefix, warnings } = open;
  const allow = async (...words: readonly string[]) => {
    for (const server of cluster.masters) await server.cli("ACL", "SETUSER", "confab", ...words);
  };
  const words = await readmeRights();
  await allow(...words.map((word) => word.replace("confab:*", `${prefix}:*`)), "+cluster|slots");
  const node = await open.node({ url: cluster.url.replace("://", "://confab:password@") });
  const reader = await node.read();
  await node.say("1");
  await cluster.openSlot(slot, from, to);
  await assert.rejects(node.say("2"), { code: "ENGINE_UNAVAILABLE" });
  const told = warnings.filter((line) => line.includes("cannot be moved"));
  assert.equal(told.length, 1);
  assert.match(told[0] ?? "", /NOPERM.*migrate/);
  assert.doesNotMatch(warnings.join(), /password/);
  assert.equal(node.engine.trouble(), undefined, "other rooms go on");
  // The operator's program has moved the room, and the slot is still open.
  while (await cluster.moveKeys(slot, from, to, 10));
  assert.equal((await node.say("2")).position.offset, 2);
  await cluster.closeSlot(slot, from, to);
  await node.say("3");
  await allow("+migrate", "+restore-asking");
  await cluster.openSlot(slot, to, from);
  await node.say("4");
  await untilHas(reader, 4);
});

test("nodes connect while the slot of the key that they try a master with is open", { timeout }, async (t) => {
  const open = await moving(t);
  if (!open) return;
  const { cluster, from, to, prefix } = open;
  const one = await open.node();
  const [probe = ""] = (await from.cli("KEYS", `${prefix}:probe:*`)).filter((key) => key !== "");
  const [slot] = await cluster.homeOf(probe);
  await cluster.openSlot(slot, from, to);
  t.after(async () => {
    await cluster.moveSlot(slot, from, to);
    await cluster.moveSlot(slot, to, from);
  });
  await from.cli("DEL", probe);
  await from.cli("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes");
  await until(() => one.engine.trouble() !== undefined);
  await one.untilWell();
  const two = await open.node();
  const reader = await two.read();
  await one.say("1");
  await untilHas(reader, 1);
});
