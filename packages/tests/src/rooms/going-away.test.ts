import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { type ServerProcess, startServerProcess } from "../fixture/server-process.js";

const maxAgeMs = 200;
const emptyRoomMs = 100;
const rooms = [{ pattern: "go-*", retention: { maxAgeMs } }] as const;

interface Position {
  readonly epoch: number;
  readonly offset: number;
}

describe("a room that goes away", () => {
  let server: ServerProcess;
  before(async () => {
    const limits = { emptyRoomMs, maxRooms: 3 };
    server = await startServerProcess({ flags: { rooms, limits, durability: "os" } });
  });
  after(async () => {
    // A stop waits for connections that the test's client keeps.
    await server.kill("SIGKILL");
    await server.stop();
  });

  it("gives its place to another one, and its positions are out of range from then on", async () => {
    const { url } = server;
    const read = new AbortController();
    const stream = await fetch(`${url}/v1/rooms/go-read/stream`, { signal: read.signal });
    const first = positionOf(await send(url, "go-a", "first"));
    positionOf(await send(url, "go-read", "read"));
    positionOf(await send(url, "stay", "stays"));
    assert.equal((await send(url, "go-d", "too many")).status, 507);

    await until(async () => !(await listed(url)).includes("go-a"));
    assert.deepEqual(await listed(url), ["go-read", "stay"]);
    assert.equal(await resumed(url, "go-a", first), 416);
    positionOf(await send(url, "go-d", "another"));

    await until(async () => !(await listed(url)).includes("go-d"));
    const again = positionOf(await send(url, "go-a", "again"));
    assert.equal(again.offset, 1);
    assert.notEqual(again.epoch, first.epoch);
    assert.equal(await resumed(url, "go-a", first), 416);
    assert.equal(await resumed(url, "go-a", again), 200);

    read.abort();
    await stream.body?.cancel().catch(() => undefined);
    await until(async () => !(await listed(url)).includes("go-read"));
  });
});

describe("a server that is killed while rooms come and go", () => {
  let dataDir: string;
  before(async () => {
    dataDir = await mkdtemp(join(tmpdir(), "confab-rooms-"));
  });
  after(() => rm(dataDir, { recursive: true, force: true }));

  it("has what was acknowledged in rooms that stay, and never gave one position to two messages", async () => {
    const acknowledged = new Map<string, string>();
    const epochs = new Set<number>();
    for (let life = 1; life <= 2; life++) {
      const server = await startServerProcess({ dataDir, flags: { rooms, limits: { emptyRoomMs } } });
      const { url } = server;
      await assertKept(url, acknowledged);
      // A room goes away with each sweep, and others are made; the kill comes in the middle of one.
      let made = 0;
      const talk = async (room: string) => {
        for (let at = 0; ; at++) {
          const text = `${life} ${at}`;
          const { epoch, offset } = positionOf(await send(url, room, text));
          const place = `${room} ${epoch}:${offset}`;
          assert.equal(acknowledged.has(place), false, `${place} has been given before`);
          acknowledged.set(place, text);
          if (room !== "stay") epochs.add(epoch);
          if (room !== "stay") await until(async () => !(await listed(url)).includes(room));
          made++;
        }
      };
      const talks = ["stay", "go-a", "go-b", "go-c"].map((room) => talk(room).catch((thrown: unknown) => thrown));
      // Each of the three rooms has had an epoch, and one of them another one.
      await until(async () => made > 20 && epochs.size > 3 * life);
      await server.kill("SIGKILL");
      for (const ended of await Promise.all(talks)) assert.ok(!(ended instanceof assert.AssertionError), String(ended));
    }
    const server = await startServerProcess({ dataDir, flags: { rooms, limits: { emptyRoomMs } } });
    await assertKept(server.url, acknowledged);
    await server.stop();
  });
});

/** Every message that was acknowledged in the room that stays is where its acknowledgement said. */
async function assertKept(url: string, acknowledged: ReadonlyMap<string, string>): Promise<void> {
  const kept = new Map<string, string>();
  for (let more = true, after = ""; more; ) {
    const response = await fetch(`${url}/v1/rooms/stay/messages?limit=1000&oldest_first=true${after}`);
    const page = (await response.json()) as {
      readonly messages?: readonly { readonly text: string; readonly position: { epoch: number; offset: string } }[];
      readonly more?: boolean;
    };
    for (const { text, position } of page.messages ?? []) kept.set(`stay ${position.epoch}:${position.offset}`, text);
    const last = page.messages?.at(-1)?.position;
    after = last ? `&after.epoch=${last.epoch}&after.offset=${last.offset}` : "";
    more = page.more ?? false;
  }
  for (const [place, text] of acknowledged) if (place.startsWith("stay ")) assert.equal(kept.get(place), text, place);
}

async function send(
  url: string,
  room: string,
  text: string,
): Promise<{ readonly status: number; readonly body: string }> {
  const response = await fetch(`${url}/v1/rooms/${room}/messages`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ user: "ann", text }),
  });
  return { status: response.status, body: await response.text() };
}

function positionOf({ status, body }: { readonly status: number; readonly body: string }): Position {
  assert.equal(status, 200, body);
  const { position } = JSON.parse(body) as { position: { epoch: number; offset: string } };
  return { epoch: position.epoch, offset: Number(position.offset) };
}

async function listed(url: string): Promise<readonly string[]> {
  const { rooms } = (await (await fetch(`${url}/v1/rooms`)).json()) as { rooms?: readonly { name: string }[] };
  return (rooms ?? []).map(({ name }) => name);
}

/** The HTTP status of a stream that begins after a position. */
async function resumed(url: string, room: string, { epoch, offset }: Position): Promise<number> {
  const stop = new AbortController();
  const headers = { "last-event-id": `${epoch}:${offset}` };
  const { status } = await fetch(`${url}/v1/rooms/${room}/stream`, { headers, signal: stop.signal });
  stop.abort();
  return status;
}

async function until(isSo: () => Promise<boolean>): Promise<void> {
  const deadlineMs = performance.now() + 30_000;
  while (!(await isSo())) {
    assert.ok(performance.now() < deadlineMs, "it does not come to that");
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
