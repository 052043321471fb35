import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { startServerProcess } from "./fixture/server-process.js";

interface Acked {
  readonly id: string;
  readonly epoch: number;
  readonly offset: number;
}

interface HistoryPage {
  readonly messages?: readonly {
    readonly id: string;
    readonly text: string;
    readonly position: { readonly epoch: number; readonly offset: string };
  }[];
  readonly more?: boolean;
}

const sends = 1_000;
const inFlight = 64;

/** Kill at another place of the thousand each time. */
const killAfterAcks = [1, 137, 611];

describe("a server killed with SIGKILL in the middle of a thousand sends", () => {
  let dataDir: string;
  before(async () => {
    dataDir = await mkdtemp(join(tmpdir(), "confab-crash-"));
  });
  after(() => rm(dataDir, { recursive: true, force: true }));

  for (const killAfter of killAfterAcks) {
    it(`has every acknowledged message once and in order after the restart (killed after ${killAfter} acknowledgements)`, async () => {
      const room = `crash-${killAfter}`;
      const acked = await sendUntilKilled(dataDir, room, killAfter);
      assert.ok(acked.length >= killAfter && acked.length < sends, `${acked.length} acknowledgements before the kill`);

      const server = await startServerProcess({ dataDir });
      try {
        const history = await wholeHistory(server.url, room);
        const offsets = history.map(({ offset }) => offset);
        assert.deepEqual(
          offsets,
          offsets.map((_, index) => index + 1),
          "offsets rise by one",
        );
        assert.equal(new Set(history.map(({ id }) => id)).size, history.length, "no message twice");
        for (const { id, epoch, offset } of acked)
          assert.deepEqual(history[offset - 1], { id, epoch, offset }, "where its acknowledgement said");

        // A client that never saw its acknowledgements sends all again: what was stored is stored once.
        const again = await Promise.all(acked.slice(0, 20).map(({ id }) => send(server.url, room, id)));
        assert.deepEqual(again, acked.slice(0, 20));
      } finally {
        await server.stop();
      }
    });
  }
});

/** Keep `inFlight` sends going and kill the server once `killAfter` are acknowledged; the acknowledgements that arrived. */
async function sendUntilKilled(dataDir: string, room: string, killAfter: number): Promise<Acked[]> {
  const server = await startServerProcess({ dataDir });
  const acked: Acked[] = [];
  let next = 0;
  let killed: Promise<void> | undefined;
  const sender = async () => {
    while (next < sends && !killed) {
      const id = `m${next++}`;
      try {
        acked.push(await send(server.url, room, id));
      } catch {
        // The server died before it answered: this one may be stored or not, and nothing is claimed of it.
        return;
      }
      if (acked.length >= killAfter) killed ??= server.kill("SIGKILL");
    }
  };
  await Promise.all(Array.from({ length: inFlight }, sender));
  await killed;
  await server.stop();
  return acked.sort((a, b) => a.offset - b.offset);
}

async function send(url: string, room: string, id: string): Promise<Acked> {
  const response = await fetch(`${url}/v1/rooms/${room}/messages`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ user: "ann", text: `message ${id}`, id }),
  });
  const { position } = (await response.json()) as { position: { epoch: number; offset: string } };
  return { id, epoch: position.epoch, offset: Number(position.offset) };
}

async function wholeHistory(url: string, room: string): Promise<Acked[]> {
  const all: Acked[] = [];
  for (let query = "oldest_first=true"; ; ) {
    const page = (await (await fetch(`${url}/v1/rooms/${room}/messages?limit=300&${query}`)).json()) as HistoryPage;
    for (const { id, position } of page.messages ?? [])
      all.push({ id, epoch: position.epoch, offset: Number(position.offset) });
    const last = all.at(-1);
    if (!page.more || !last) return all;
    query = `after=${last.epoch}:${last.offset}`;
  }
}
