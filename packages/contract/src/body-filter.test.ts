import assert from "node:assert/strict";
import { test } from "node:test";
import { BodyFilter } from "./body-filter.js";
import { decodeChatMessage, encodeBody } from "./chat-message-codec.js";
import type { StoredMessage } from "./message.js";
import { forEachSeed, type Random } from "./testing/random.js";

const users = ["ann", "bob", "an", "ännä", "\u{1f600}"] as const;
const types = ["acme.Order", "Order", "e.Order", "acme.Orders", "acme.v1.Order"] as const;

function randomMessage(random: Random): StoredMessage {
  const change = { target: random.int(1, 300), kind: random.pick(["edit", "deletion"] as const) };
  const typeUrl = `${random.pick(["type.googleapis.com/", "/", "", "a/b/"])}${random.pick(types)}`;
  return {
    user: random.pick(users),
    text: random.oneIn(3) ? "" : random.text(random.int(0, 300)),
    room: random.pick(["lobby", "a"]),
    id: random.oneIn(2) ? "" : "x".repeat(random.int(1, 64)),
    payload: random.oneIn(2) ? undefined : { typeUrl, value: random.bytes(random.int(0, 200)) },
    sentAtMs: random.int(1, 2 ** 31) * 1_000 + random.int(0, 999),
    ...(random.oneIn(4) && { deleted: true }),
    ...(random.oneIn(5) && { change }),
  };
}

const some = (random: Random, all: readonly string[]) => all.filter(() => random.oneIn(3));

test("a filter lets those bodies pass of which each list that is not empty has the user or the type", () => {
  let passed = 0;
  forEachSeed(3_000, (random) => {
    const filter = { users: some(random, users), payloadTypes: some(random, [...types, "-"]) };
    const message = randomMessage(random);
    const body = encodeBody(message);
    const { user, payload, change } = decodeChatMessage(body);
    const type = payload ? payload.typeUrl.slice(payload.typeUrl.lastIndexOf("/") + 1) : "-";
    const isWanted =
      change === undefined &&
      (filter.users.length === 0 || filter.users.includes(user)) &&
      (filter.payloadTypes.length === 0 || filter.payloadTypes.includes(type));
    // Within other bytes, as a block has it.
    const [before, after] = [random.bytes(random.int(0, 20)), random.bytes(random.int(0, 20))];
    const bytes = Buffer.concat([before, body, after]);
    const made = BodyFilter.from(filter);
    if (made) assert.equal(made.passes(bytes, before.length, before.length + body.length), isWanted);
    else assert.deepEqual(filter, { users: [], payloadTypes: [] });
    if (isWanted) passed++;
  });
  assert.ok(passed > 300 && passed < 2_700, `${passed} passed`);
});

test("filters with the same users and types have the same key, in whatever order and however often they name them", () => {
  const keyOf = (users: string[], payloadTypes: string[] = []) => BodyFilter.from({ users, payloadTypes })?.key;
  assert.equal(keyOf(["b", "a", "b"], ["x", "-"]), keyOf(["a", "b"], ["-", "x"]));
  assert.notEqual(keyOf(["a"]), keyOf([], ["a"]));
  assert.notEqual(keyOf(["a,b"]), keyOf(["a", "b"]));
});
