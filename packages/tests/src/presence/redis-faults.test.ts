import assert from "node:assert/strict";
import { afterEach, beforeEach, it } from "node:test";
import { Random } from "@confab/contract/testing/random";
import { becomes, describeOnRedis, lobby, type Node, RedisNodes, type RoomId } from "./testing/redis-nodes.js";

describeOnRedis("members of nodes on a Redis with faults", () => {
  let nodes: RedisNodes;
  let one: Node;
  let two: Node;
  beforeEach(async () => {
    nodes = await RedisNodes.start(2);
    const [first, second] = nodes.nodes;
    assert.ok(first && second);
    [one, two] = [first, second];
    for (const user of ["ann", "bob"]) one.engine.members.enter(lobby, user);
    for (const user of ["bob", "cat", ""]) two.engine.members.enter(lobby, user);
    await nodes.agreeOn(["ann=1", "bob=2", "cat=1"]);
    await becomes(() => one.told.toSorted(), ["+ann", "+bob", "+cat"]);
  });
  afterEach(() => nodes.stop());

  it("are all there again after Redis has lost everything, and did not leave", async () => {
    await nodes.cli("FLUSHALL");
    await nodes.agreeOn(["ann=1", "bob=2", "cat=1"]);
    assert.ok([...one.told, ...two.told].every((change) => change.startsWith("+")));
    two.engine.members.leave(lobby, "cat");
    await nodes.agreeOn(["ann=1", "bob=2"]);
    await becomes(async () => (await one.engine.members.counts([lobby]))[0]?.subscribers, 4);
  });

  it("come and go while Redis is away, and are right when it is back without its data", async () => {
    await nodes.redis.kill("SIGKILL");
    one.engine.members.enter(lobby, "dan");
    one.engine.members.leave(lobby, "ann");
    two.engine.members.enter(lobby, "ann");
    two.engine.members.leave(lobby, "bob");
    await assert.rejects(Promise.resolve(one.engine.members.counts([lobby])), { code: "ENGINE_UNAVAILABLE" });
    await assert.rejects(Promise.resolve(one.engine.members.page(lobby, "", 10)), { code: "ENGINE_UNAVAILABLE" });
    await nodes.redis.run();
    await nodes.agreeOn(["ann=1", "bob=1", "cat=1", "dan=1"]);
  });

  it("stay when Redis was away for longer than a node may be silent", async () => {
    const names = async () => (await nodes.cli("ZRANGE", nodes.key("{nodes}:alive"), "0", "-1")).toSorted();
    const [namesBefore, toldBefore] = [await names(), two.told.length];
    nodes.redis.signal("SIGSTOP");
    // It is the passing of time that is tried here.
    await new Promise((resolve) => setTimeout(resolve, 2_500));
    nodes.redis.signal("SIGCONT");
    one.engine.members.enter(lobby, "dan");
    await nodes.agreeOn(["ann=1", "bob=2", "cat=1", "dan=1"]);
    await becomes(() => two.told.slice(toldBefore), ["+dan"]);
    assert.deepEqual(await names(), namesBefore, "nobody was taken for dead");
  });

  it("are back when their node was taken for dead and was not, and nothing of its former name is left", async () => {
    const [name = ""] = await nodes.cli("ZRANGE", nodes.key("{nodes}:alive"), "0", "0");
    await nodes.cli("ZADD", nodes.key("{nodes}:dead"), "0", name);
    await nodes.cli("ZREM", nodes.key("{nodes}:alive"), name);
    await becomes(async () => (await nodes.cli("HKEYS", nodes.key("{lobby}:nodes"))).includes(name), false);
    await nodes.agreeOn(["ann=1", "bob=2", "cat=1"]);
    await becomes(
      () => nodes.cli("EXISTS", nodes.key(`{lobby}:node:${name}`), nodes.key(`node:{${name}}:rooms`)),
      ["0"],
    );
    await becomes(() => nodes.cli("ZCARD", nodes.key("{nodes}:alive")), ["2"]);
    await becomes(() => nodes.cli("ZCARD", nodes.key("{nodes}:dead")), ["0"]);
  });

  it("of a node that says nothing more are removed, with those whom nobody else has", async () => {
    // What a killed node leaves, under a name that nobody answers for.
    await nodes.cli("HSET", nodes.key("{lobby}:node:ghost"), "zoe", "2", "ann", "1");
    await nodes.cli("ZADD", nodes.key("{lobby}:members"), "0", "zoe");
    await nodes.cli("HSET", nodes.key("{lobby}:shared"), "ann", "1");
    await nodes.cli("HSET", nodes.key("{lobby}:nodes"), "ghost", "3:1");
    await nodes.cli("SADD", nodes.key("node:{ghost}:rooms"), "lobby", "other");
    const [seconds = "0"] = await nodes.cli("TIME");
    await nodes.cli("ZADD", nodes.key("{nodes}:alive"), String((Number(seconds) + 1) * 1_000), "ghost");
    await becomes(() => one.told.at(-1), "-zoe");
    await nodes.agreeOn(["ann=1", "bob=2", "cat=1"]);
    assert.deepEqual(
      one.told.filter((change) => change.endsWith("ann")),
      ["+ann"],
    );
    await becomes(async () => (await two.engine.members.counts([lobby]))[0], { members: 3, subscribers: 5 });
  });

  it("are put right when Redis has lost some of what a node wrote", async () => {
    const [name = ""] = await nodes.cli("HKEYS", nodes.key("{lobby}:nodes"));
    const [, stamp = ""] = (await nodes.cli("HGET", nodes.key("{lobby}:nodes"), name))[0]?.split(":") ?? [];
    const [mine = ""] = await nodes.cli("HKEYS", nodes.key(`{lobby}:node:${name}`));
    // As a replica that took over from its master too early: one who came is missing, one who left is back.
    await nodes.cli("HSET", nodes.key("{lobby}:nodes"), name, `1:${Number(stamp) - 1}`);
    await nodes.cli("HDEL", nodes.key(`{lobby}:node:${name}`), mine);
    await nodes.cli("HSET", nodes.key(`{lobby}:node:${name}`), "gone", "1");
    await nodes.cli("ZADD", nodes.key("{lobby}:members"), "0", "gone");
    if (mine === "bob") await nodes.cli("DEL", nodes.key("{lobby}:shared"));
    else await nodes.cli("ZREM", nodes.key("{lobby}:members"), mine);
    await nodes.agreeOn(["ann=1", "bob=2", "cat=1"]);
  });

  it("are not written by a node that may not, which warns once and writes them when it may", async () => {
    await nodes.cli("ACL", "SETUSER", "default", "-zadd", "-hset");
    one.engine.members.enter(lobby, "dan");
    await becomes(() => nodes.warnings.length > 0, true);
    await nodes.cli("ACL", "SETUSER", "default", "+zadd", "+hset");
    await nodes.agreeOn(["ann=1", "bob=2", "cat=1", "dan=1"]);
    assert.ok(nodes.warnings.length <= 4, nodes.warnings.join("\n"));
  });

  it("leave nothing in Redis when all have left", async () => {
    for (const user of ["ann", "bob"]) one.engine.members.leave(lobby, user);
    for (const user of ["bob", "cat", ""]) two.engine.members.leave(lobby, user);
    await nodes.agreeOn([]);
    // What a node tries a server with goes by itself.
    const keys = async () => (await nodes.cli("KEYS", nodes.key("*"))).filter((key) => !key.includes(":probe:"));
    await becomes(keys, [nodes.key("{nodes}:alive")]);
    for (const { engine } of nodes.nodes) await engine.close();
    assert.deepEqual(await keys(), []);
  });
});

describeOnRedis("members of nodes whose connections are cut and whose Redis forgets", () => {
  it("are in the end those who are there, whatever came between", async () => {
    const nodes = await RedisNodes.start(3);
    try {
      const random = new Random(Date.now() % 1_000_000);
      const rooms = ["lobby", "b", "c"] as RoomId[];
      const entered: { node: Node; room: RoomId; user: string }[] = [];
      for (let round = 0; round < 60; round++) {
        for (let i = 0; i < random.int(1, 60); i++) {
          const leaving = random.oneIn(2) ? entered.splice(random.int(0, entered.length), 1)[0] : undefined;
          const node = nodes.nodes[random.int(0, 2)];
          const room = rooms[random.int(0, 2)];
          assert.ok(node && room);
          if (leaving) leaving.node.engine.members.leave(leaving.room, leaving.user);
          else {
            const user = random.oneIn(5) ? "" : `user-${random.int(0, 30)}`;
            entered.push({ node, room, user });
            node.engine.members.enter(room, user);
          }
        }
        if (random.oneIn(6)) await nodes.cli("CLIENT", "KILL", "TYPE", "normal");
        if (random.oneIn(20)) await nodes.cli("FLUSHALL");
        await new Promise((resolve) => setTimeout(resolve, random.int(0, 30)));
      }
      for (const room of rooms) {
        const sums = new Map<string, number>();
        for (const { user } of entered.filter((one) => one.room === room && one.user !== ""))
          sums.set(user, (sums.get(user) ?? 0) + 1);
        const expected = [...sums].map(([user, count]) => `${user}=${count}`);
        await nodes.agreeOn(expected.toSorted(byName), room).catch((difference: unknown) => {
          throw new Error(`seed ${random.seed}, room ${room}`, { cause: difference });
        });
        const subscribers = entered.filter((one) => one.room === room).length;
        for (const { engine } of nodes.nodes)
          await becomes(async () => (await engine.members.counts([room]))[0]?.subscribers, subscribers);
      }
    } finally {
      await nodes.stop();
    }
  });
});

function byName(a: string, b: string): number {
  const [nameA = "", nameB = ""] = [a.split("=", 1)[0], b.split("=", 1)[0]];
  return nameA < nameB ? -1 : 1;
}
