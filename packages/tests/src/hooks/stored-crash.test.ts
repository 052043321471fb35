import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { type LiveProgram, startProgram } from "../fixture/live-program.js";
import { redisFor } from "../redis/testing/redis-for.js";
import { grpcService } from "./testing/forms.js";

// Servers are killed and the receiver goes away while messages are sent: what was acknowledged reaches the receiver all the same.

const confab = fileURLToPath(new URL("../../../cli/dist/main.js", import.meta.url));

const rooms = ["a", "b", "c"];
const messages = 150;

/** Longer than another node takes to take over, and a receiver's pauses, in milliseconds. */
const patienceMs = 90_000;

interface Node {
  readonly program: LiveProgram;
  readonly url: string;
}

/** A receiver by gRPC, in this process. */
class Receiver {
  isAway = false;
  /** Texts in the order in which they came, by room. */
  readonly taken = new Map(rooms.map((room) => [room, [] as number[]]));
  private service: Awaited<ReturnType<typeof grpcService>> | undefined;

  async listen(t: TestContext): Promise<string> {
    this.service = await grpcService({
      stored: ({ room, messages: given }) => {
        if (this.isAway) throw new Error("away");
        this.taken.get(room)?.push(...given.map(({ text }) => Number(text)));
      },
    });
    t.after(() => this.service?.close());
    return `stored=grpc://127.0.0.1:${this.service.port}`;
  }
}

async function startNode(t: TestContext, args: readonly string[]): Promise<Node> {
  const program = startProgram(process.execPath, [confab, "serve", "--port", "0", ...args], { joinsStderr: true });
  t.after(() => program.stop());
  const url = /http:\/\/127\.0\.0\.1:\d+/.exec(await program.until(/listens on http\S+/))?.[0];
  assert.ok(url);
  return { program, url };
}

/** Send until one of the nodes has acknowledged it. */
async function say(nodes: () => readonly Node[], room: string, text: number): Promise<void> {
  for (let attempt = text; ; attempt++) {
    const all = nodes();
    const { url } = all[attempt % all.length] as Node;
    const response = await fetch(`${url}/v1/rooms/${room}/messages`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ user: "ann", text: String(text), id: `m${text}` }),
    }).catch(() => undefined);
    if (response?.ok) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** Send, and do something at some of the messages. */
async function converse(nodes: () => readonly Node[], at: Readonly<Record<number, () => void | Promise<void>>>) {
  for (let text = 0; text < messages; text++) {
    await at[text]?.();
    await say(nodes, rooms[text % rooms.length] as string, text);
  }
}

async function hasAll({ taken }: Receiver): Promise<void> {
  const missing = () => {
    const all = new Set([...taken.values()].flat());
    return Array.from({ length: messages }, (_, text) => text).filter((text) => !all.has(text));
  };
  for (const deadlineMs = Date.now() + patienceMs; missing().length > 0; await new Promise(setImmediate))
    assert.ok(Date.now() < deadlineMs, `the receiver lacks ${missing().join(" ")}`);
  for (const texts of taken.values()) {
    const first = [...new Set(texts)];
    assert.deepEqual(
      first,
      [...first].sort((a, b) => a - b),
    );
  }
}

test("a receiver has everything after its server was killed and itself was away", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "confab-test-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const receiver = new Receiver();
  const args = ["--data", folder, "--hook", await receiver.listen(t)];
  let node = await startNode(t, args);
  await converse(() => [node], {
    40: async () => {
      await node.program.stop();
      node = await startNode(t, args);
    },
    60: () => {
      receiver.isAway = true;
    },
    90: async () => {
      await node.program.stop();
      node = await startNode(t, args);
    },
    120: () => {
      receiver.isAway = false;
    },
  });
  await hasAll(receiver);
});

test("a receiver has everything after nodes on one Redis were killed, the one that delivers among them", async (t) => {
  const redis = await redisFor(t, { args: ["--appendonly", "yes"] });
  if (!redis) return;
  const receiver = new Receiver();
  const args = ["--engine", redis.url, "--hook", await receiver.listen(t)];
  const nodes = [await startNode(t, args), await startNode(t, args)];
  await converse(() => nodes, {
    50: async () => {
      await nodes.shift()?.program.stop();
      nodes.push(await startNode(t, args));
    },
    100: async () => {
      await nodes.shift()?.program.stop();
      nodes.push(await startNode(t, args));
    },
  });
  await hasAll(receiver);
});
