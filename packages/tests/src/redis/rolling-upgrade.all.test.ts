import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { type ChatMessage, connect } from "@confab/client/node";
import { builtCommit } from "@confab/lab/testing/earlier-server";
import { startProgram } from "../fixture/live-program.js";
import type { RedisServer } from "../fixture/redis-server.js";
import { redisFor } from "./testing/redis-for.js";
import { logIn, takeOver } from "./testing/room-keys.js";

// Nodes of an earlier version beside nodes of this one, on one Redis. The earlier one is built from its commit, once.

/** The version that is upgraded from: the operator's rules were the last thing that it got. */
const earlierCommit = "5711e66";

const thisVersion = fileURLToPath(new URL("../../../cli/dist/main.js", import.meta.url));

const room = "upgrade";
const transports = ["grpc", "websocket-proto", "connect"] as const;
const messagesPerClient = 40;

/** The command of the earlier version; undefined: it cannot be built here, and the test is skipped. */
function earlierVersion(t: TestContext): string | undefined {
  try {
    return builtCommit(earlierCommit, (line) => t.diagnostic(line));
  } catch (thrown) {
    t.skip(`the earlier version needs git and npm's registry: ${thrown instanceof Error ? thrown.message : thrown}`);
    return undefined;
  }
}

interface Node {
  readonly url: string;
  /** End it in order, as an upgrade does. */
  stop(): Promise<void>;
}

async function startNode(t: TestContext, file: string, redis: RedisServer): Promise<Node> {
  const program = startProgram(process.execPath, [file, "serve", "--port", "0", "--engine", redis.url]);
  t.after(() => program.stop());
  const printed = await program.until(/http:\/\/127\.0\.0\.1:\d+/);
  return {
    url: /http:\/\/127\.0\.0\.1:\d+/.exec(printed)?.[0] ?? "",
    stop: async () => {
      process.kill(program.pid, "SIGTERM");
      await program.ended;
    },
  };
}

/** One message in a form to compare, and the position to go on from. */
interface Received {
  readonly line: string;
  readonly position: string;
}

/**
 * Clients of each node read on after a position, and all of them send at once. Each receives the same: `missed`, and then what
 * is sent, each message once and each sender's in its order. Resolves with all of it.
 */
async function chat(
  t: TestContext,
  { nodes, name, after, missed }: { nodes: readonly Node[]; name: string; after: string; missed: readonly Received[] },
): Promise<readonly Received[]> {
  const clients = nodes.flatMap(({ url }, at) =>
    transports.map((transport) => connect({ url, transport, user: `${name} node ${at} ${transport}` })),
  );
  t.after(() => {
    for (const client of clients) client.close();
  });
  const total = missed.length + clients.length * messagesPerClient;
  const readings = clients.map((client) => take(client.room(room).messages({ after }), total));
  await Promise.all(
    clients.map(async (client) => {
      for (let i = 0; i < messagesPerClient; i++) await client.room(room).send(String(i));
    }),
  );
  const [first = [], ...others] = await Promise.all(readings);
  for (const other of others) assert.deepEqual(other, first);
  assert.deepEqual(first.slice(0, missed.length), missed);
  const offsets = first.map(({ position }) => Number(position.split(":")[1]));
  const start = Number(after.split(":")[1]);
  assert.deepEqual(
    offsets,
    offsets.map((_, index) => start + 1 + index),
  );
  for (const user of clients.keys()) {
    const sender = `${name} node ${Math.floor(user / transports.length)} ${transports[user % transports.length]}: `;
    const texts = first.filter(({ line }) => line.startsWith(sender)).map(({ line }) => line.slice(sender.length));
    assert.deepEqual(
      texts,
      Array.from({ length: messagesPerClient }, (_, index) => String(index)),
      sender,
    );
  }
  for (const client of clients) client.close();
  return first;
}

async function take(messages: AsyncIterable<ChatMessage>, count: number): Promise<Received[]> {
  const taken: Received[] = [];
  for await (const { user, text, position } of messages) {
    taken.push({ line: `${user}: ${text}`, position });
    if (taken.length === count) break;
  }
  return taken;
}

/** Where a reader that has received half of it goes on, and what it missed. */
function halfOf(received: readonly Received[]) {
  const half = received.length >> 1;
  return { after: received[half - 1]?.position ?? "", missed: received.slice(half) };
}

test("an upgrade node by node, and back: what is sent on either version is received once and in order on both", async (t) => {
  const redis = await redisFor(t);
  if (!redis) return;
  const earlier = earlierVersion(t);
  if (earlier === undefined) return;
  const older = await startNode(t, earlier, redis);
  const newer = await startNode(t, thisVersion, redis);
  const { position: begin } = await sendOnce(t, older, "welcome", "welcome-id");
  const again = await sendOnce(t, newer, "welcome", "welcome-id");
  assert.deepEqual([again.position, again.duplicate], [begin, true]);
  const back = await sendOnce(t, newer, "hello", "hello-id");
  assert.deepEqual(await sendOnce(t, older, "hello", "hello-id"), { ...back, duplicate: true });

  const both = await chat(t, { nodes: [older, newer], name: "both", after: back.position, missed: [] });
  await older.stop();
  const upgraded = await startNode(t, thisVersion, redis);
  const alone = await chat(t, { nodes: [newer, upgraded], name: "upgraded", ...halfOf(both) });
  await newer.stop();
  const returned = await startNode(t, earlier, redis);
  const mixed = await chat(t, { nodes: [returned, upgraded], name: "mixed", ...halfOf(alone) });
  await upgraded.stop();
  await chat(t, { nodes: [returned], name: "back", ...halfOf(mixed) });
});

async function sendOnce(t: TestContext, { url }: Node, text: string, id: string) {
  const client = connect({ url, user: "ann" });
  t.after(() => client.close());
  const { position, duplicate, sentAt } = await client.room(room).send(text, { id });
  client.close();
  return { position, duplicate, sentAt };
}

test("the earlier version refuses a room of a later format, changes nothing of it, and goes on in others", async (t) => {
  const redis = await redisFor(t);
  if (!redis) return;
  const earlier = earlierVersion(t);
  if (earlier === undefined) return;
  const node = await startNode(t, earlier, redis);
  const send = async (to: string) => {
    const response = await fetch(`${node.url}/v1/rooms/${to}/messages`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ user: "ann", text: "hi" }),
    });
    return response.status;
  };
  const read = async (from: string) => (await fetch(`${node.url}/v1/rooms/${from}/messages`)).status;
  assert.equal(await send(room), 200);
  await takeOver(redis, "confab", room);
  const before = await logIn(redis, "confab", room);
  assert.deepEqual([await send(room), await read(room)], [500, 500]);
  assert.equal(await logIn(redis, "confab", room), before);
  assert.deepEqual([await send("other"), await read("other")], [200, 200]);
});
