import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import { afterEach, beforeEach, it } from "node:test";
import { Random } from "@confab/contract/testing/random";
import { RedisCluster, until } from "../fixture/redis-cluster.js";
import { RedisServer } from "../fixture/redis-server.js";
import { ComingAndGoing } from "./testing/coming-and-going.js";
import { becomes, describeOnRedis, lobby, type Node, RedisNodes, type RoomId } from "./testing/redis-nodes.js";

describeOnRedis("members of nodes on a Redis with faults", () => {
  let nodes: RedisNodes<RedisServer>;
  let one: Node;
  let two: Node;
  beforeEach(async () => {
    nodes = await RedisNodes.start(await RedisServer.start(), 2);
    const [first, second] = nodes.nodes;
    assert.ok(first && second);
    [one, two] = [first, second];
    for (const user of ["ann", "bob"]) one.engine.members.enter(lobby, user);
    for (const user of ["bob", "cat", ""]) two.engine.members.enter(lobby, user);
    await nodes.agreeOn(["ann=1", "bob=2", "cat=1"]);
    await becomes(() => one.told.toSorted(), ["+ann", "+bob", "+cat"]);
  });
  afterEach(() => nodes.stop());

  const cli = async (...words: readonly string[]) => (await nodes.redis.cli(...words)).filter((line) => line !== "");

  it("are all there again after Redis has lost everything, and did not leave", async () => {
    await cli("FLUSHALL");
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
    const names = async () => (await cli("ZRANGE", nodes.key("{nodes}:alive"), "0", "-1")).toSorted();
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
    const [name = ""] = await cli("ZRANGE", nodes.key("{nodes}:alive"), "0", "0");
    await cli("ZADD", nodes.key("{nodes}:dead"), "0", name);
    await cli("ZREM", nodes.key("{nodes}:alive"), name);
    await becomes(async () => (await cli("HKEYS", nodes.key("{lobby}:nodes"))).includes(name), false);
    await nodes.agreeOn(["ann=1", "bob=2", "cat=1"]);
    await becomes(() => cli("EXISTS", nodes.key(`{lobby}:node:${name}`), nodes.key(`node:{${name}}:rooms`)), ["0"]);
    await becomes(() => cli("ZCARD", nodes.key("{nodes}:alive")), ["2"]);
    await becomes(() => cli("ZCARD", nodes.key("{nodes}:dead")), ["0"]);
  });

  it("of a node that says nothing more are removed, with those whom nobody else has", async () => {
    // What a killed node leaves, under a name that nobody answers for.
    await cli("HSET", nodes.key("{lobby}:node:ghost"), "zoe", "2", "ann", "1");
    await cli("ZADD", nodes.key("{lobby}:members"), "0", "zoe");
    await cli("HSET", nodes.key("{lobby}:shared"), "ann", "1");
    await cli("HSET", nodes.key("{lobby}:nodes"), "ghost", "3:1");
    await cli("SADD", nodes.key("node:{ghost}:rooms"), "lobby", "other");
    const [seconds = "0"] = await cli("TIME");
    await cli("ZADD", nodes.key("{nodes}:alive"), String((Number(seconds) + 1) * 1_000), "ghost");
    await becomes(() => one.told.at(-1), "-zoe");
    await nodes.agreeOn(["ann=1", "bob=2", "cat=1"]);
    assert.deepEqual(
      one.told.filter((change) => change.endsWith("ann")),
      ["+ann"],
    );
    await becomes(async () => (await two.engine.members.counts([lobby]))[0], { members: 3, subscribers: 5 });
  });

  it("are put right when Redis has lost some of what a node wrote", async () => {
    const [name = ""] = await cli("HKEYS", nodes.key("{lobby}:nodes"));
    const [, stamp = ""] = (await cli("HGET", nodes.key("{lobby}:nodes"), name))[0]?.split(":") ?? [];
    const [mine = ""] = await cli("HKEYS", nodes.key(`{lobby}:node:${name}`));
    // As a replica that took over from its master too early: one who came is missing, one who left is back. In one step, as
    // a node that looks at half of it would write the stamp of the whole again.
    const loss = `
      redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
      redis.call('HDEL', KEYS[2], ARGV[3])
      redis.call('HSET', KEYS[2], 'gone', '1')
      redis.call('ZADD', KEYS[3], 0, 'gone')
      if ARGV[3] == 'bob' then redis.call('DEL', KEYS[4]) else redis.call('ZREM', KEYS[3], ARGV[3]) end`;
    const keys = ["nodes", `node:${name}`, "members", "shared"].map((rest) => nodes.key(`{lobby}:${rest}`));
    await cli("EVAL", loss, "4", ...keys, name, `1:${Number(stamp) - 1}`, mine);
    await nodes.agreeOn(["ann=1", "bob=2", "cat=1"]);
  });

  it("are not written by a node that may not, which warns once and writes them when it may", async () => {
    await cli("ACL", "SETUSER", "default", "-zadd", "-hset");
    one.engine.members.enter(lobby, "dan");
    await becomes(() => nodes.warnings.length > 0, true);
    await cli("ACL", "SETUSER", "default", "+zadd", "+hset");
    await nodes.agreeOn(["ann=1", "bob=2", "cat=1", "dan=1"]);
    assert.ok(nodes.warnings.length <= 4, nodes.warnings.join("\n"));
  });

  it("leave nothing in Redis when all have left", async () => {
    for (const user of ["ann", "bob"]) one.engine.members.leave(lobby, user);
    for (const user of ["bob", "cat", ""]) two.engine.members.leave(lobby, user);
    await nodes.agreeOn([]);
    // What a node tries a server with goes by itself.
    const keys = async () => (await cli("KEYS", nodes.key("*"))).filter((key) => !key.includes(":probe:")).sort();
    await becomes(keys, [nodes.key("clock"), nodes.key("{nodes}:alive")]);
    for (const { engine } of nodes.nodes) await engine.close();
    assert.deepEqual(await keys(), [nodes.key("clock")]);
  });
});

describeOnRedis("members of nodes whose connections are cut and whose Redis forgets", () => {
  it("are in the end those who are there, whatever came between", async (t) => {
    const random = new Random(randomInt(1_000_000));
    t.diagnostic(`seed ${random.seed}`);
    const nodes = await RedisNodes.start(await RedisServer.start(), 3);
    try {
      const users = new ComingAndGoing(nodes.nodes, ["lobby", "b", "c"] as RoomId[], random);
      for (let round = 0; round < 60; round++) {
        users.step(random.int(1, 60));
        if (random.oneIn(6)) await nodes.redis.cli("CLIENT", "KILL", "TYPE", "normal");
        if (random.oneIn(20)) await nodes.redis.cli("FLUSHALL");
        await new Promise((resolve) => setTimeout(resolve, random.int(0, 30)));
      }
      await users.settle();
    } finally {
      await nodes.stop();
    }
  });

  it("are right on a Cluster, one master of which dies while users come and go", async (t) => {
    const random = new Random(randomInt(1_000_000));
    t.diagnostic(`seed ${random.seed}`);
    const nodes = await RedisNodes.start(await RedisCluster.start({ replicas: 3 }), 2);
    try {
      // In all slots, so that every master has some.
      const rooms = Array.from({ length: 40 }, (_, index) => `room-${index}` as RoomId);
      const users = new ComingAndGoing(nodes.nodes, rooms, random);
      users.step(1_000);
      await users.settle();
      const { masters, replicas } = nodes.redis;
      const dying = random.int(0, 2);
      await masters[dying]?.kill("SIGKILL");
      await until(async () => {
        users.step(random.int(1, 20));
        return (await replicas[dying]?.cli("ROLE"))?.[0] === "master";
      });
      users.step(100);
      await users.settle();
    } finally {
      await nodes.stop();
    }
  });
});
