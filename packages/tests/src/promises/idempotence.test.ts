import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { WebSocket } from "ws";
import { type ServerProcess, startServerProcess } from "../fixture/server-process.js";
import { type AckedSender, type Acknowledged, ackedSenders, type Send } from "./acked-senders.js";

interface Stored {
  readonly id: string;
  readonly user: string;
  readonly text: string;
  readonly position: string;
}

describe("the same id of the same user in the same room", () => {
  let server: ServerProcess;
  before(async () => {
    server = await startServerProcess({ flags: { durability: "os" } });
  });
  after(() => server.stop());

  it("is acknowledged with its first position as a duplicate, whichever two transports bring it", async () => {
    const room = "twice";
    const ids: string[] = [];
    for (const [first, second] of pairs(ackedSenders)) {
      const send = { user: "ann", room, id: `m${ids.length}`, text: "hi" };
      ids.push(send.id);
      const { position } = assertFirst(await first.send(server.url, send), send.id, first.name);
      assert.deepEqual(
        await second.send(server.url, send),
        { id: send.id, position, isDuplicate: true },
        `${first.name}, then ${second.name}`,
      );
    }
    assert.deepEqual(idsOf(await history(server.url, room)), ids);
  });

  it("is stored once when two connections race with it, and exactly one of them is told that it is the duplicate", async () => {
    const room = "race";
    const ids: string[] = [];
    for (const [left, right] of pairs(ackedSenders)) {
      const send = { user: "ann", room, id: `m${ids.length}`, text: "hi" };
      ids.push(send.id);
      const [a, b] = await Promise.all([left.send(server.url, send), right.send(server.url, send)]);
      assert.equal(a.position, b.position, `${left.name} and ${right.name}`);
      assert.notEqual(a.isDuplicate, b.isDuplicate, `${left.name} and ${right.name}`);
    }
    assert.deepEqual(idsOf(await history(server.url, room)), ids);
  });

  it("is stored once when every transport races with it at once", async () => {
    const send = { user: "ann", room: "melee", id: "m", text: "hi" };
    for (let round = 0; round < 20; round++) {
      const acks = await Promise.all(
        ackedSenders.map((sender) => sender.send(server.url, { ...send, id: `m${round}` })),
      );
      assert.equal(new Set(acks.map(({ position }) => position)).size, 1);
      assert.equal(acks.filter(({ isDuplicate }) => !isDuplicate).length, 1);
    }
    assert.equal((await history(server.url, "melee")).length, 20);
  });

  it("with another text is a duplicate too: the first one wins, and the second sender is told", async () => {
    for (const [index, { name, send }] of ackedSenders.entries()) {
      const room = `texts-${index}`;
      const first = { user: "ann", room, id: "m", text: "the first" };
      const { position } = assertFirst(await send(server.url, first), "m", name);
      assert.deepEqual(
        await send(server.url, { ...first, text: "the second" }),
        { id: "m", position, isDuplicate: true },
        name,
      );
      assert.deepEqual(
        (await history(server.url, room)).map(({ text }) => text),
        ["the first"],
        name,
      );
    }
  });

  it("is stored once on the plain WebSocket, which acknowledges nothing", async () => {
    const room = "plain";
    const socket = new WebSocket(`${server.url.replace("http", "ws")}/chat?room=${room}`);
    const heard: string[] = [];
    await new Promise<void>((resolve, reject) => {
      socket.on("open", () => {
        for (const [id, text] of [
          ["m", "the first"],
          ["m", "the first"],
          ["m", "the second"],
          ["n", "the last"],
        ] as const) {
          socket.send(JSON.stringify({ user: "ann", id, text }));
        }
      });
      socket.on("message", (data: Buffer) => {
        const { text } = JSON.parse(data.toString()) as { text: string };
        heard.push(text);
        if (text === "the last") resolve();
      });
      socket.on("error", reject);
    });
    socket.terminate();
    assert.deepEqual(heard, ["the first", "the last"]);
    assert.deepEqual(idsOf(await history(server.url, room)), ["m", "n"]);
  });
});

describe("the same id", () => {
  let server: ServerProcess;
  before(async () => {
    server = await startServerProcess({ flags: { durability: "os" } });
  });
  after(() => server.stop());

  it("is another message when it is of another user or for another room", async () => {
    for (const [index, { name, send }] of ackedSenders.entries()) {
      const room = `others-${index}`;
      const base: Send = { user: "ann", room, id: "m", text: "hi" };
      for (const other of [base, { ...base, user: "bob" }, { ...base, room: `${room}-too` }]) {
        assertFirst(await send(server.url, other), "m", name);
      }
      assert.deepEqual(
        (await history(server.url, room)).map(({ user }) => user),
        ["ann", "bob"],
        name,
      );
    }
  });
});

describe("a server that is killed with SIGKILL while every transport sends, and started again", () => {
  let dataDir: string;
  before(async () => {
    dataDir = await mkdtemp(join(tmpdir(), "confab-idempotence-"));
  });
  after(() => rm(dataDir, { recursive: true, force: true }));

  it("takes every send again under its id: what was stored is a duplicate at its first position, what was not is new", async () => {
    const room = "killed";
    const before = await sendUntilKilled(dataDir, room, 150);
    const server = await startServerProcess({ dataDir });
    try {
      const again = new Map<string, Acknowledged>();
      for (const [index, [id, first]] of [...before].entries()) {
        // Not by the transport that it was sent by at first.
        const { name, send } = senderAt(index + 1);
        const ack = await send(server.url, { user: "ann", room, id, text: id });
        again.set(id, ack);
        if (first) assert.deepEqual(ack, { ...first, isDuplicate: true }, `${id}, again by ${name}`);
      }
      const stored = await history(server.url, room);
      assert.deepEqual(
        stored.map(({ id, position }) => [id, position]),
        [...again.values()].sort((a, b) => offsetOf(a) - offsetOf(b)).map(({ id, position }) => [id, position]),
      );
    } finally {
      await server.stop();
    }
  });
});

/** Every transport sends one message after the other until the server dies. The acknowledgement by id, if there was one. */
async function sendUntilKilled(
  dataDir: string,
  room: string,
  killAfterAcks: number,
): Promise<Map<string, Acknowledged | undefined>> {
  const server = await startServerProcess({ dataDir });
  const sent = new Map<string, Acknowledged | undefined>();
  let acks = 0;
  let killed: Promise<void> | undefined;
  const sendAll = async ({ send }: AckedSender, sender: number) => {
    for (let index = 0; !killed; index++) {
      const id = `${sender}.${index}`;
      sent.set(id, undefined);
      try {
        sent.set(id, await send(server.url, { user: "ann", room, id, text: id }));
      } catch (error) {
        // It died before it answered: whether this one is stored is what the test asks.
        if (!killed) throw error;
        return;
      }
      if (++acks >= killAfterAcks) killed ??= server.kill("SIGKILL");
    }
  };
  await Promise.all(ackedSenders.map(sendAll));
  await killed;
  await server.stop();
  return sent;
}

function senderAt(index: number): AckedSender {
  const sender = ackedSenders[index % ackedSenders.length];
  assert.ok(sender);
  return sender;
}

function assertFirst(ack: Acknowledged, id: string, what: string): Acknowledged {
  assert.deepEqual([ack.id, ack.isDuplicate], [id, false], what);
  return ack;
}

function* pairs<T>(items: readonly T[]): Iterable<readonly [T, T]> {
  for (const left of items) for (const right of items) yield [left, right];
}

function offsetOf({ position }: Acknowledged): number {
  return Number(position.split(":")[1]);
}

function idsOf(messages: readonly Stored[]): string[] {
  return messages.map(({ id }) => id);
}

async function history(url: string, room: string): Promise<Stored[]> {
  const response = await fetch(`${url}/v1/rooms/${room}/messages?limit=1000&oldest_first=true`);
  const { messages, more } = (await response.json()) as {
    messages: { id: string; user: string; text: string; position: { epoch: number; offset: string } }[];
    more?: boolean;
  };
  assert.ok(!more, "one page holds all");
  return messages.map(({ position, ...rest }) => ({
    id: rest.id,
    user: rest.user,
    text: rest.text,
    position: `${position.epoch}:${position.offset}`,
  }));
}
