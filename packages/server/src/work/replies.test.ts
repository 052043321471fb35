import assert from "node:assert/strict";
import { test } from "node:test";
import { ConfabError } from "@confab/contract";
import { settled } from "../testing/manual-turns.js";
import { holdRoom, Replies, type ReplyOwner, type ReplyRoom } from "./replies.js";

const mib = 1_048_576;
const bounds = { maxReplyBytes: 4 * mib, maxReplyBytesPerConnection: 2 * mib };
const connection = (): ReplyOwner => ({ replyBytes: 0, waitingReplies: undefined });

/** Ask for room so many times; the rooms that were given so far. */
function ask(replies: Replies, owner: ReplyOwner, count: number): ReplyRoom[] {
  const rooms: ReplyRoom[] = [];
  for (let i = 0; i < count; i++) void replies.take(owner).then((room) => rooms.push(room));
  return rooms;
}

test("a connection that reads nothing has a few replies made, and the others wait", async () => {
  const replies = new Replies(bounds);
  const rooms = ask(replies, connection(), 600);
  await settled();
  assert.equal(rooms.length, 2);
  for (const room of rooms) room.resize(mib);
  await settled();
  assert.deepEqual([rooms.length, replies.bytes], [2, 2 * mib]);
});

test("a reply that has left makes room for the next ones, until all have been made", async () => {
  const replies = new Replies(bounds);
  const rooms = ask(replies, connection(), 50);
  for (let released = 0; released < 50; released++) {
    await settled();
    rooms[released]?.resize(1_000);
    rooms[released]?.release();
    // Twice is once.
    rooms[released]?.release();
  }
  assert.deepEqual([rooms.length, replies.bytes], [50, 0]);
});

test("small replies leave room for more of them at a time", async () => {
  const replies = new Replies(bounds);
  const rooms = ask(replies, connection(), 100);
  for (let sized = 0; sized < 100; sized++) {
    await settled();
    rooms[sized]?.resize(1_000);
  }
  assert.equal(rooms.length, 100);
});

// Each of the waiting ones that was woken was counted a moment later, and the next one was looked at before that.
test("replies that become small in one turn make room for no more than fit", async () => {
  const replies = new Replies({ ...bounds, maxReplyBytesPerConnection: 3 * mib });
  const rooms = ask(replies, connection(), 100);
  await settled();
  for (const room of rooms) room.resize(1_000);
  await settled();
  assert.equal(replies.mostBytes, 3 * mib);
  assert.equal(rooms.length, 3 + 2);
});

test("a reply that is asked for when another one has just been woken waits for its room", async () => {
  const replies = new Replies(bounds);
  const owner = connection();
  const rooms = ask(replies, owner, 3);
  await settled();
  rooms[0]?.release();
  const late = ask(replies, owner, 1);
  await settled();
  assert.deepEqual([rooms.length, late.length, replies.mostBytes], [3, 0, 2 * mib]);
});

test("one reply always fits, also if it alone is larger than the connection's bound", async () => {
  const replies = new Replies(bounds);
  const small = new Replies({ ...bounds, maxReplyBytesPerConnection: 1_000 });
  for (const each of [replies, small]) {
    const room = await each.take(connection());
    room.resize(3 * mib);
    assert.equal(each.bytes, 3 * mib);
  }
});

test("OVERLOADED past the bound of the process, at once, and not once there is room again", async () => {
  const replies = new Replies(bounds);
  const rooms = [];
  for (let i = 0; i < 4; i++) {
    const room = await replies.take(connection());
    room.resize(mib);
    rooms.push(room);
  }
  const isOverloaded = (error: unknown) =>
    error instanceof ConfabError && error.code === "OVERLOADED" && (error.facts.retryAfterMs ?? 0) > 0;
  await assert.rejects(replies.take(connection()), isOverloaded);
  rooms[0]?.release();
  await replies.take(connection());
});

test("those who wait for their own connection are refused too when the process is full at their turn", async () => {
  const replies = new Replies(bounds);
  const owner = connection();
  const own = ask(replies, owner, 2);
  await settled();
  const refused: string[] = [];
  for (let i = 0; i < 3; i++) void replies.take(owner).catch((error: ConfabError) => refused.push(error.code));
  (await replies.take(connection())).resize(2.5 * mib);
  assert.deepEqual(refused, []);
  own[0]?.release();
  await settled();
  assert.deepEqual(refused, ["OVERLOADED", "OVERLOADED", "OVERLOADED"]);
});

test("a crowd that asks at once is not refused: a bounded number of pages is made at a time, connections in turn", async () => {
  const replies = new Replies({ ...bounds, maxReplyBytes: 100 * mib });
  const greedy = connection();
  const order: string[] = [];
  const rooms: ReplyRoom[] = [];
  const want = (name: string, owner: ReplyOwner) =>
    void replies.take(owner).then((room) => {
      order.push(name);
      rooms.push(room);
    });
  for (let i = 0; i < 1_000; i++) want("crowd", connection());
  for (let i = 0; i < 10; i++) want("greedy", greedy);
  await settled();
  assert.deepEqual([order.length, replies.bytes], [32, 32 * mib]);
  for (let done = 0; done < 1_010; done++) {
    await settled();
    rooms[done]?.resize(100);
    rooms[done]?.release();
  }
  assert.deepEqual([order.length, replies.bytes], [1_010, 0]);
});

test("replies for which a log is looked through leave places to others, and have their own turns", async () => {
  const replies = new Replies({ ...bounds, maxReplyBytes: 100 * mib });
  const scans: ReplyRoom[] = [];
  for (let i = 0; i < 40; i++) void replies.take(connection(), true).then((room) => scans.push(room));
  await settled();
  assert.deepEqual([scans.length, replies.bytes], [16, 16 * mib]);
  const others = Array.from({ length: 16 }, () => ask(replies, connection(), 1));
  await settled();
  assert.equal(others.flat().length, 16);
  // A page that is made gives its place to one that is not a scan, and a scan to a scan.
  others[0]?.[0]?.release();
  await settled();
  assert.equal(scans.length, 16);
  for (let done = 0; done < 40; done++) {
    scans[done]?.release();
    scans[done]?.release();
    await settled();
  }
  for (const [room] of others) room?.release();
  assert.deepEqual([scans.length, replies.bytes], [40, 0]);
});

// Over HTTP/1.1 answers leave in order. A page that gave its bytes up to wait for a place got them behind the next ones, which
// waited for it.
test("a reply for which a log is looked through keeps its bytes, and waits for its place only", async () => {
  const replies = new Replies({ maxReplyBytes: 64 * mib, maxReplyBytesPerConnection: 2 * mib });
  const owner = connection();
  const rooms = ask(replies, owner, 3);
  await settled();
  const [first, second] = rooms;
  const isScanning = first?.scan();
  await settled();
  assert.deepEqual([rooms.length, owner.replyBytes], [2, 2 * mib]);
  await isScanning;
  second?.resize(mib);
  first?.resize(1_000);
  await settled();
  assert.equal(rooms.length, 2, "the third one does not fit");
  first?.release();
  second?.release();
  await settled();
  assert.equal(rooms.length, 3);
});

test("a reply whose client goes while it waits to look through a log leaves no place taken", async () => {
  const replies = new Replies({ maxReplyBytes: 64 * mib, maxReplyBytesPerConnection: 2 * mib });
  // As many as may look through a log at a time.
  const scans = await Promise.all(Array.from({ length: 16 }, () => replies.take(connection(), true)));
  const late = await replies.take(connection());
  const scanning = late.scan();
  late.release();
  for (const scan of scans) scan.release();
  await scanning;
  const again = await Promise.all(Array.from({ length: 16 }, () => replies.take(connection(), true)));
  assert.deepEqual([again.length, replies.bytes], [16, 16 * mib]);
});

test("a reply that must leave after others takes no room before its turn", async () => {
  const replies = new Replies(bounds);
  const owner = connection();
  let come: () => void = () => undefined;
  const turn = new Promise<void>((resolve) => {
    come = resolve;
  });
  const share = { roomForReply: () => replies.take(owner) };
  const held: ReplyRoom[] = [];
  const holding = holdRoom({ share, isOver: false, turn: () => turn, hold: (room) => held.push(room) });
  await settled();
  assert.deepEqual([owner.replyBytes, replies.bytes, held.length], [0, 0, 0]);
  come();
  assert.equal(await holding, held[0]);
  assert.equal(replies.bytes, mib);
});
