import assert from "node:assert/strict";
import { test } from "node:test";
import { type ChatMessage, type Client, connect, fold, type MessageView, type Room } from "@confab/client/node";
import { Random } from "@confab/contract/testing/random";
import { type ServerProcess, startServerProcess } from "../fixture/server-process.js";
import { redisFor } from "./testing/redis-for.js";

const transports = ["websocket-proto", "grpc", "sse"] as const;
const messages = 12;
const changesEach = 60;

test("clients of three nodes change the same messages and mark them as read while a node is killed: all end with the same view", async (t) => {
  const redis = await redisFor(t);
  if (!redis) return;
  const start = (port = 0) =>
    startServerProcess({
      flags: { port, engine: { kind: "redis", url: redis.url }, limits: { nodeTimeoutMs: 1_000 } },
    });
  const servers: ServerProcess[] = await Promise.all(transports.map(() => start()));
  t.after(() => Promise.all(servers.map((server) => server.stop())));
  const clients = transports.map((transport, at) => clientOf(servers[at]?.url ?? assert.fail(), transport));
  t.after(() => {
    for (const client of clients) client.close();
  });
  const rooms = clients.map((client) => client.room("changed"));
  const [first = assert.fail(), , last = assert.fail()] = rooms;
  const acks = await first.sendAll(Array.from({ length: messages }, (_, at) => `message ${at}`));
  const positions = acks.map(({ position }) => position);
  const readers = await Promise.all(rooms.map((room) => follow(room)));
  const marks = new Marks();

  let done = 0;
  const changing: Promise<void>[] = [];
  const halfDone = new Promise<void>((resolve) => {
    const count = () => ++done === (transports.length * changesEach) / 2 && resolve();
    for (const [at, room] of rooms.entries()) changing.push(changeAtRandom(room, new Random(at + 1), positions, count));
    for (const [at, room] of rooms.entries())
      changing.push(marks.moveAtRandom(room, new Random(at + 11), readers[at]?.entries ?? []));
  });
  await halfDone;
  const [, , third = assert.fail()] = servers;
  await third.kill("SIGKILL");
  servers[2] = await start(third.port);
  await Promise.all(changing);
  await last.send("the end");

  const views: (readonly MessageView[])[] = [];
  for (const reader of readers) views.push(fold(await reader.untilTheEnd()));
  const fresh = await follow(first);
  views.push(fold(await fresh.untilTheEnd()));
  for (const room of rooms) views.push((await room.view({ limit: 1_000 })).messages);
  for (const view of views) assert.deepEqual(view, views[0]);
  assert.equal(views[0]?.length, messages + 1);

  // A client whose node never knew these marks sees them too.
  const newcomer = clientOf(servers[2]?.url ?? assert.fail(), "websocket-proto");
  t.after(() => newcomer.close());
  const all = await readers[0]?.untilTheEnd();
  for (const room of [...rooms, newcomer.room(first.name)]) {
    const listed = await room.readMarks();
    assert.deepEqual(
      listed.marks.map(({ user }) => user),
      markers,
    );
    for (const { user, position, unread } of listed.marks) {
      assert.ok(offsetOf(position) >= marks.furthestOf(user), `${user}: ${position} after ${marks.furthestOf(user)}`);
      const after = all?.filter((entry) => !entry.change && offsetOf(entry.position) > offsetOf(position));
      assert.equal(unread, after?.length, `${user} at ${position}`);
    }
  }
  for (const client of [...clients, newcomer])
    for (const user of markers) {
      const [listed] = (await client.rooms({ prefix: first.name, reader: user })).rooms;
      const [mark] = (await first.readMarks({ user })).marks;
      assert.deepEqual([listed?.readMark, listed?.unread], [mark?.position, mark?.unread]);
    }

  // No text of a deleted message is left in the log, also where it was edited at the same moment.
  const deleted = new Set(views[0]?.filter((message) => message.deleted).map(({ position }) => position));
  assert.ok(deleted.size > 0);
  const { messages: entries } = await first.history({ changes: true, limit: 1_000 });
  for (const { position, text, change } of entries) {
    if (deleted.has(position)) assert.equal(text, "");
    if (change?.kind === "edit" && deleted.has(change.target)) assert.equal(text, "", position);
  }
});

const markers = ["ann", "bob", "cay"];

function offsetOf(position: string): number {
  return Number(position.split(":")[1]);
}

/** Marks of the same users by clients of all nodes. None may go back. */
class Marks {
  /** What was acknowledged, by user. */
  private readonly furthest = new Map<string, number>();

  furthestOf(user: string): number {
    return this.furthest.get(user) ?? 0;
  }

  async moveAtRandom(room: Room, random: Random, entries: readonly ChatMessage[]): Promise<void> {
    for (let at = 0; at < changesEach; at++) {
      const user = markers[random.int(0, markers.length - 1)] ?? assert.fail();
      const position = entries.at(-random.int(1, 5))?.position ?? (await room.history({ limit: 1 })).newest;
      const before = this.furthestOf(user);
      const mark = await room.markRead(position, { user });
      const offset = offsetOf(mark?.position ?? assert.fail());
      assert.ok(offset >= Math.max(before, offsetOf(position)), `${user}: ${offset} after ${before}`);
      this.furthest.set(user, Math.max(this.furthestOf(user), offset));
    }
  }
}

function clientOf(url: string, transport: (typeof transports)[number]): Client {
  return connect({ url, transport, user: "ann", reconnect: { firstDelayMs: 20, maxDelayMs: 200 }, idleCheckMs: 500 });
}

/** Change messages, one change after another; what another client has deleted meanwhile is left as it is. */
async function changeAtRandom(
  room: Room,
  random: Random,
  positions: readonly string[],
  done: () => void,
): Promise<void> {
  for (let at = 0; at < changesEach; at++) {
    const position = positions[random.int(0, positions.length - 1)] ?? assert.fail();
    const what = random.pick(["edit", "edit", "edit", "edit", "react", "react", "unreact", "delete"]);
    const changed =
      what === "edit"
        ? room.edit(position, `edit ${room.name} ${at}`)
        : what === "delete"
          ? room.delete(position)
          : room.react(position, random.pick(["+1", "heart"]), {
              user: random.pick(["ann", "bob"]),
              removed: what === "unreact",
            });
    await changed.catch((error) => assert.equal(error.code, "MESSAGE_DELETED"));
    done();
  }
}

/** Read all entries of a room, through lost connections. */
async function follow(room: Room) {
  const entries: ChatMessage[] = [];
  let wake: () => void = () => undefined;
  const { oldest } = await room.history({ limit: 1 });
  const beginning = `${oldest.split(":")[0]}:0`;
  room.subscribe(
    (entry) => {
      entries.push(entry);
      wake();
    },
    { changes: true, after: beginning },
  );
  return {
    entries,
    untilTheEnd: async (): Promise<readonly ChatMessage[]> => {
      while (entries.at(-1)?.text !== "the end")
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      return entries;
    },
  };
}
