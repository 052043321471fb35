import assert from "node:assert/strict";
import { test } from "node:test";
import { ErrorReply } from "@redis/client";
import { ClusterChannels } from "./cluster-channels.js";
import { RedisLostError } from "./redis-error.js";

/** A server that notes what it is asked and answers when the test says so. */
class FakeServer {
  readonly asked: string[] = [];
  answer: () => Promise<void> = async () => undefined;

  subscribe(channel: string): Promise<void> {
    this.asked.push(`+${channel}`);
    return this.answer();
  }

  unsubscribe(channel: string): void {
    this.asked.push(`-${channel}`);
  }
}

function cluster() {
  const servers = { one: new FakeServer(), two: new FakeServer() };
  const state = {
    servers,
    /** As the node's map has it. */
    owner: "one" as keyof typeof servers | undefined,
    /** As the next map will have it. */
    trueOwner: "one" as keyof typeof servers | undefined,
    refreshes: 0,
    interrupted: [] as string[],
  };
  const channels: ClusterChannels = new ClusterChannels({
    ownerOf: () => {
      if (state.owner === undefined) throw new RedisLostError("no server has it", false);
      return { name: state.owner, link: servers[state.owner] };
    },
    linkTo: (name) => servers[name as keyof typeof servers],
    refresh: async () => {
      state.refreshes++;
      state.owner = state.trueOwner;
      await channels.followMap();
    },
    interrupted: (some) => state.interrupted.push(...some),
    backOff: async () => undefined,
  });
  return { state, channels, ...servers };
}

test("a channel that its server brings no more is subscribed where its slot is now, at once, and its readers are told", async () => {
  const { state, channels, one, two } = cluster();
  await channels.subscribe("a");
  state.trueOwner = "two";
  channels.moved("a", "one");
  assert.equal(state.refreshes, 1);
  await new Promise(setImmediate);
  assert.deepEqual([one.asked, two.asked, state.interrupted], [["+a"], ["+a"], ["a"]]);
  assert.ok(channels.areFollowed);
});

test("a channel that moves where no map tells yet waits for a later map", async () => {
  const { state, channels, two } = cluster();
  await channels.subscribe("a");
  state.trueOwner = undefined;
  channels.moved("a", "one");
  await new Promise(setImmediate);
  assert.equal(channels.areFollowed, false);
  state.owner = "two";
  await channels.followMap();
  assert.deepEqual([two.asked, state.interrupted], [["+a"], ["a"]]);
});

test("a map that gives a slot to another server ends the subscription at the former one", async () => {
  const { state, channels, one, two } = cluster();
  await channels.subscribe("a");
  state.owner = "two";
  await channels.followMap();
  assert.deepEqual([one.asked, two.asked, state.interrupted], [["+a", "-a"], ["+a"], ["a"]]);
  // The former one reports the end too, late.
  channels.moved("a", "one");
  assert.equal(state.refreshes, 0);
  channels.unsubscribe("a");
  assert.deepEqual(two.asked, ["+a", "-a"]);
});

test("a subscription at a server that has lost the slot follows it", async () => {
  const { state, channels, one, two } = cluster();
  state.trueOwner = "two";
  one.answer = () => Promise.reject(new ErrorReply("MOVED 1 two"));
  await channels.subscribe("a");
  assert.ok(two.asked.includes("+a"));
  channels.unsubscribe("a");
  assert.equal(two.asked.at(-1), "-a");
});

test("a subscription that every map sends to a server without the slot is given up", async () => {
  const { state, channels, one } = cluster();
  one.answer = () => Promise.reject(new ErrorReply("MOVED 1 two"));
  await assert.rejects(channels.subscribe("a"), ErrorReply);
  assert.ok(state.refreshes > 0);
  const { length } = one.asked;
  await channels.followMap();
  assert.equal(one.asked.length, length, "nothing is left of it");
});

test("a channel that is given up before the server has answered is given up there, and one wanted after it stays", async () => {
  const { channels, one } = cluster();
  const answers: (() => void)[] = [];
  one.answer = () => new Promise((resolve) => answers.push(resolve));
  const first = channels.subscribe("a");
  channels.unsubscribe("a");
  const second = channels.subscribe("a");
  for (const answer of answers) answer();
  await Promise.all([first, second]);
  assert.deepEqual(one.asked, ["+a", "-a", "+a"]);
});

test("the failure of a subscription that was given up does not end the one after it", async () => {
  const { channels, one } = cluster();
  let fail: (thrown: unknown) => void = () => undefined;
  one.answer = () => new Promise((_, reject) => (fail = reject));
  const first = channels.subscribe("a");
  channels.unsubscribe("a");
  one.answer = async () => undefined;
  await channels.subscribe("a");
  fail(new RedisLostError("lost", true));
  await first.catch(() => undefined);
  channels.unsubscribe("a");
  assert.deepEqual(one.asked, ["+a", "-a", "+a", "-a"], "it was still followed");
});
