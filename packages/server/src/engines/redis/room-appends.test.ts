import assert from "node:assert/strict";
import { test } from "node:test";
import { ConfabError, type Position } from "@confab/contract";
import { ErrorReply } from "@redis/client";
import { blockOf, type NewEntry, type RoomId } from "../../core/index.js";
import { RedisLostError } from "./redis-error.js";
import { type GroupOutcome, RoomAppends } from "./room-appends.js";

const room = "room" as RoomId;
const other = "other" as RoomId;

interface Written {
  readonly room: RoomId;
  readonly group: readonly NewEntry[];
  readonly expected: Position | undefined;
  readonly succeed: (topBefore: number, duplicates?: GroupOutcome["duplicates"]) => void;
  /** There is no room, and the first of the group may not make it. */
  readonly refuse: () => void;
  readonly fail: (error: unknown) => void;
}

function newBodies(group: readonly NewEntry[], duplicates: GroupOutcome["duplicates"]): Uint8Array[] {
  return group.filter((_, index) => !duplicates.has(index)).map(({ body }) => body);
}

function bench() {
  const written: Written[] = [];
  const heard: number[][] = [];
  const appends = new RoomAppends({
    maxPendingSends: 10_000,
    maxPendingSendBytes: 10_000_000,
    write: (at, group, expected) =>
      new Promise((resolve, reject) => {
        const succeed: Written["succeed"] = (topBefore, duplicates = new Map()) =>
          resolve({ epoch: 7, topBefore, duplicates, added: blockOf(newBodies(group, duplicates)) });
        written.push({ room: at, group, expected, succeed, refuse: () => resolve(undefined), fail: reject });
      }),
    written: (_room, _epoch, { entries }) => heard.push(entries.map(({ offset }) => offset)),
  });
  const append = async (at: RoomId, entry: NewEntry) => {
    const [appended] = await appends.append(at, [entry]);
    return appended ?? assert.fail("no answer");
  };
  const send = (at = room, bytes = 1) => append(at, { body: new Uint8Array(bytes), sentAtMs: 5, dedupeKey: undefined });
  return { written, heard, appends, append, send };
}

const turn = () => new Promise(setImmediate);

test("the sends of a turn are one group for each room, and those of later turns wait for it", async () => {
  const { written, heard, send } = bench();
  const first = [send(), send(other), send()];
  await turn();
  const second = [send(), send()];
  await turn();
  assert.deepEqual(
    written.map(({ room: at, group }) => [at, group.length]),
    [
      [room, 2],
      [other, 1],
    ],
  );
  written[0]?.succeed(4);
  written[1]?.succeed(0);
  await turn();
  written[2]?.succeed(6);
  const acks = await Promise.all([...first, ...second]);
  assert.deepEqual(
    acks.map(({ position }) => position.offset),
    [5, 1, 6, 7, 8],
  );
  assert.deepEqual(heard, [[5, 6], [1], [7, 8]]);
});

test("a group that fails takes nothing with it, and the next one is sent", async () => {
  const { written, send } = bench();
  const lost = send();
  await turn();
  const next = send();
  written[0]?.fail(new RedisLostError("gone", true));
  await assert.rejects(lost, { code: "OUTCOME_UNKNOWN" });
  await turn();
  written[1]?.succeed(1);
  assert.equal((await next).position.offset, 2);
});

for (const [thrown, code] of [
  [new RedisLostError("down", false), "ENGINE_UNAVAILABLE"],
  [new RedisLostError("lost", true), "OUTCOME_UNKNOWN"],
  [new ErrorReply("OOM command not allowed"), "STORAGE_FULL"],
  [new ErrorReply("READONLY You can't write against a read only replica."), "ENGINE_UNAVAILABLE"],
  [new ErrorReply("LOADING Redis is loading the dataset in memory"), "ENGINE_UNAVAILABLE"],
  [new ErrorReply("CLUSTERDOWN The cluster is down"), "ENGINE_UNAVAILABLE"],
  [new ErrorReply("MISCONF Redis is configured to save RDB snapshots"), "ENGINE_UNAVAILABLE"],
  [new ErrorReply("ERR something else"), "INTERNAL"],
] as const) {
  test(`"${thrown.message}" is ${code} to a sender`, async () => {
    const { written, send } = bench();
    const sent = send();
    await turn();
    written[0]?.fail(thrown);
    await assert.rejects(sent, { code });
  });
}

test("where there is no room, the sends before the first that may make it are refused, and the rest is sent again", async () => {
  const { written, appends, append, send } = bench();
  const follow = () =>
    append(room, {
      body: new Uint8Array(1),
      sentAtMs: 5,
      dedupeKey: undefined,
      refuseFirst: () => new ConfabError("PERMISSION_DENIED", "no"),
    });
  const sent = [follow(), follow(), send(), follow()];
  await turn();
  written[0]?.refuse();
  const [first, second] = await Promise.allSettled(sent.slice(0, 2));
  assert.deepEqual([first?.status, second?.status], ["rejected", "rejected"]);
  await turn();
  assert.equal(written[1]?.group.length, 2);
  written[1]?.succeed(0);
  assert.deepEqual(
    (await Promise.all(sent.slice(2))).map(({ position }) => position.offset),
    [1, 2],
  );
  const alone = follow();
  await turn();
  written[2]?.refuse();
  await assert.rejects(alone, { code: "PERMISSION_DENIED" });
  await appends.close();
});

const entry: NewEntry = { body: new Uint8Array(1), sentAtMs: 5, dedupeKey: undefined };
const batchOf = (count: number): NewEntry[] => Array.from({ length: count }, () => entry);

test("a batch is never cut: its group may pass the bound, and what comes after it is the next group", async () => {
  const { written, appends, send } = bench();
  const singles = Array.from({ length: 499 }, () => send());
  const batch = appends.append(room, batchOf(1_000));
  const after = send();
  await turn();
  assert.equal(written[0]?.group.length, 1_499);
  written[0]?.succeed(0);
  await turn();
  assert.equal(written[1]?.group.length, 1);
  written[1]?.succeed(1_499);
  const acks = await batch;
  assert.deepEqual([acks.length, acks[0]?.position.offset, acks.at(-1)?.position.offset], [1_000, 500, 1_499]);
  assert.equal((await singles[498])?.position.offset, 499);
  assert.equal((await after).position.offset, 1_500);
});

test("a batch that expects a position is a group alone, with what came before and after it around it", async () => {
  const { written, appends, send } = bench();
  const expected = { epoch: 7, offset: 1 };
  const first = send();
  const refused = appends.append(room, batchOf(2), expected);
  const next = appends.append(room, batchOf(3));
  const last = send();
  await turn();
  written[0]?.succeed(0);
  await turn();
  written[1]?.fail(new ConfabError("UNEXPECTED_POSITION", "elsewhere"));
  await assert.rejects(refused, { code: "UNEXPECTED_POSITION" });
  await turn();
  written[2]?.succeed(1);
  assert.deepEqual(
    written.map(({ group, expected: position }) => [group.length, position]),
    [
      [1, undefined],
      [2, expected],
      [4, undefined],
    ],
  );
  assert.equal((await first).position.offset, 1);
  assert.deepEqual(
    (await next).map(({ position }) => position.offset),
    [2, 3, 4],
  );
  assert.equal((await last).position.offset, 5);
  await appends.close();
});

test("duplicates have the place of the first, and the others theirs in order", async () => {
  const { written, heard, send } = bench();
  const sent = [send(), send(), send()];
  await turn();
  written[0]?.succeed(10, new Map([[1, { offset: 3, sentAtMs: 1 }]]));
  const acks = await Promise.all(sent);
  assert.deepEqual(
    acks.map(({ position, sentAtMs, isDuplicate }) => [position.offset, sentAtMs, isDuplicate]),
    [
      [11, 5, false],
      [3, 1, true],
      [12, 5, false],
    ],
  );
  assert.deepEqual(heard, [[11, 12]]);
});

test("a group is bounded by messages and by bytes, and one message always fits", async () => {
  const { written, send } = bench();
  const sent = [...Array.from({ length: 501 }, () => send()), send(other, 3_000_000), send(other)];
  await turn();
  assert.deepEqual(
    written.map(({ group }) => group.length),
    [500, 1],
  );
  for (const { succeed } of written.splice(0)) succeed(0);
  await turn();
  for (const { succeed } of written) succeed(500);
  assert.equal((await Promise.all(sent)).length, 503);
});

test("close waits for what was taken, and takes nothing more", async () => {
  const { written, appends, send } = bench();
  const sent = send();
  await turn();
  let isClosed = false;
  const closed = appends.close().then(() => {
    isClosed = true;
  });
  await turn();
  assert.equal(isClosed, false);
  await assert.rejects(send(), { code: "SHUTTING_DOWN" });
  written[0]?.succeed(0);
  await Promise.all([sent, closed, appends.close()]);
});
