import assert from "node:assert/strict";
import { test } from "node:test";
import type { RoomId, ScanningShare } from "../../core/index.js";
import { Keys } from "./keys.js";
import type { RedisLink } from "./redis-link.js";
import { RoomErasures } from "./room-erasures.js";

interface Asked {
  readonly room: string;
  readonly answer: (step: unknown) => void;
}

/** Erasures on a Redis that answers when the test says so. */
function erasuresOn(): { readonly erasures: RoomErasures; readonly asked: Asked[]; readonly sent: string[] } {
  const asked: Asked[] = [];
  const sent: string[] = [];
  const link = {
    run: (_script: unknown, [log = ""]: readonly string[]) =>
      new Promise((answer) => asked.push({ room: /\{(.*)\}/.exec(log)?.[1] ?? "", answer })),
    send: async (_key: string, args: readonly string[]) => void sent.push(args.join(" ")),
  };
  return { erasures: new RoomErasures({ link: link as unknown as RedisLink, keys: new Keys("p") }), asked, sent };
}

const settled = () => new Promise(setImmediate);

function shareOf(caller: object, spent: number[] = []): ScanningShare {
  return { caller, begin: (units) => void spent.push(units), spend: (units) => void spent.push(units) };
}

test("two are under way, one in a room, and callers take turns", async () => {
  const { erasures, asked } = erasuresOn();
  const [ann, bob] = [{}, {}];
  const begin = (room: string, owner: object) => void erasures.erase(room as RoomId, 1, [], shareOf(owner));
  for (const room of ["a", "a", "b", "c", "d"]) begin(room, ann);
  begin("e", bob);
  await settled();
  const order: string[] = [];
  while (asked.length > 0) {
    assert.ok(asked.length <= 2);
    assert.equal(new Set(asked.map(({ room }) => room)).size, asked.length);
    const { room, answer } = asked.shift() as Asked;
    order.push(room);
    answer(["done", 1, 1]);
    await settled();
  }
  assert.deepEqual([...order].sort(), ["a", "a", "b", "c", "d", "e"]);
  assert.ok(order.indexOf("e") <= 3, order.join());
});

test("each step is charged as it was, and what is given up does not keep others waiting", async () => {
  const { erasures, asked, sent } = erasuresOn();
  const spent: number[] = [];
  const steps: unknown[] = [["more", 512, 51_200], ["busy"], ["done", 100, 10_240]];
  const share = shareOf({}, spent);
  const erased = erasures.erase("a" as RoomId, 1, [], share);
  for (const step of steps) {
    for (let turns = 0; asked.length === 0; turns++) {
      assert.ok(turns < 10_000_000);
      await settled();
    }
    asked.shift()?.answer(step);
  }
  assert.equal(await erased, undefined);
  const units = spent.reduce((sum, each) => sum + each, 0);
  assert.equal(units, 612 * 15 + 60 * 2);
  assert.deepEqual(sent, []);

  let begun = 0;
  const closing: ScanningShare = {
    begin: () => (++begun === 2 ? Promise.reject(new Error("closed")) : undefined),
    spend: () => undefined,
  };
  const given = erasures.erase("a" as RoomId, 1, [], closing);
  await settled();
  asked.shift()?.answer(["more", 512, 1]);
  await assert.rejects(given, /closed/);
  assert.deepEqual(sent, ["DEL p:{a}:copying"]);
  const missing = erasures.erase("a" as RoomId, 1, []);
  await settled();
  asked.shift()?.answer(["missing", 7]);
  assert.equal(await missing, 7);
});

// An erasure of a user that met a trim in a long room waited for its first copy, ten seconds each time.
test("a copy of which an entry is trimmed meanwhile does not keep the next erasure waiting", async () => {
  const { erasures, asked, sent } = erasuresOn();
  const erased = erasures.erase("a" as RoomId, 1, []);
  for (const step of [
    ["more", 512, 1],
    ["missing", 7],
  ]) {
    await settled();
    asked.shift()?.answer(step);
  }
  assert.equal(await erased, 7);
  assert.deepEqual(sent, ["DEL p:{a}:copying"]);
});

// One connection could have 1,000 requests in flight, and no other one could delete a message on this node then.
test("OVERLOADED when too many of a caller wait; one of each caller may always wait", async () => {
  const { erasures } = erasuresOn();
  const all: Promise<unknown>[] = [];
  const begin = (owner: object) => {
    const erasing = erasures.erase(`r${all.length}` as RoomId, 1, [], shareOf(owner));
    all.push(erasing);
    erasing.catch(() => undefined);
    return erasing;
  };
  const owners = Array.from({ length: 10 }, () => ({}));
  // Two are under way.
  for (const owner of [...owners, {}]) for (let count = 0; count < 100; count++) void begin(owner);
  const [first = {}] = owners;
  await assert.rejects(
    Promise.race([begin(first), begin(first), begin(first)]),
    (error: Error) => /of this connection wait/.test(error.message) && "code" in error && error.code === "OVERLOADED",
  );
  const another = {};
  void begin(another);
  await assert.rejects(begin(another), { code: "OVERLOADED" });
});
