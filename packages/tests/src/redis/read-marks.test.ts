import assert from "node:assert/strict";
import { test } from "node:test";
import { lobby } from "./testing/node.js";
import { aPrefix } from "./testing/open-node.js";
import { redisFor, twoNodes } from "./testing/redis-for.js";

const unshared = { begin: () => undefined, spend: () => undefined };

test("when Redis has gone back, marks count up to what is left; a log that is lost takes its marks along", async (t) => {
  const redis = await redisFor(t);
  if (!redis) return;
  const prefix = aPrefix();
  const [one, two] = await twoNodes(t, { ...redis, url: redis.url, prefix });
  for (const text of ["1", "2", "3", "4", "5"]) await one.say(text);
  const { epoch: first } = await one.engine.log.state(lobby);
  const change = { kind: "reaction", emoji: "+1", removed: false } as const;
  const content = { user: "ann", text: "", id: "", refusalFor: () => undefined };
  const react = (offset: number, epoch = first) =>
    one.hub.change({ room: lobby, position: { epoch, offset }, change, share: unshared, ...content });
  await react(1);
  await react(2);
  const mark = (user: string, offset: number, epoch = first) =>
    one.hub.marks.move(lobby, user, { epoch, offset }, unshared);
  await mark("ann", 3);
  await mark("bob", 7);
  const meta = `${prefix}:{${lobby}}:meta`;
  // The same log in another epoch, of which the first four entries are what they were (scripts/verify.ts).
  const renew = `
    local record = redis.call('GET', KEYS[1])
    local epoch = struct.unpack('>I4', record)
    redis.call('SET', KEYS[1], struct.pack('>I4', 77) .. string.sub(record, 5) .. struct.pack('>I4d', epoch, ARGV[1]))`;
  await redis.cli("EVAL", renew, "1", meta, "4");
  const marks = async () => {
    const listed = await two.hub.marks.page(lobby, "", 10, unshared);
    return listed.map(({ user, position, unread }) => `${user} ${position.epoch}:${position.offset} ${unread}`);
  };
  assert.deepEqual(await marks(), ["ann 77:3 2", "bob 77:4 1"]);
  const moved = await two.hub.marks.move(lobby, "bob", { epoch: 77, offset: 5 }, unshared);
  assert.deepEqual([moved.position, moved.unread], [{ epoch: 77, offset: 5 }, 0]);
  assert.deepEqual(await marks(), ["ann 77:3 2", "bob 77:5 0"]);

  await redis.cli("DEL", meta, `${prefix}:{${lobby}}:log`);
  await two.say("another log");
  assert.deepEqual(await marks(), []);
  const { position } = await two.say("2");
  await react(2, position.epoch);
  await two.hub.marks.move(lobby, "bob", position, unshared);
  assert.deepEqual(await marks(), [`bob ${position.epoch}:2 0`]);
  await mark("bob", 3, position.epoch);
  assert.deepEqual(await redis.cli("ZCARD", `${prefix}:{${lobby}}:marks`), ["2"]);
});
