import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { type ServerProcess, startServerProcess } from "../fixture/server-process.js";
import { rawSubscriptions } from "./raw-subscriptions.js";
import { Speaker } from "./speaker.js";

describe("readers whose server is killed with SIGKILL in the middle of live messages", () => {
  let dataDir: string;
  before(async () => {
    dataDir = await mkdtemp(join(tmpdir(), "confab-resume-"));
  });
  after(() => rm(dataDir, { recursive: true, force: true }));

  // Nothing of the old connection is needed, and nobody had the time to say goodbye.
  it("come back to the next server by another transport, and miss and repeat nothing", async () => {
    const first = await startServerProcess({ dataDir });
    const speaker = new Speaker(first.url, "killed");
    const epoch = await speaker.say();
    const readers = rawSubscriptions.map(({ name, read }) => ({
      name,
      reading: read({ url: first.url, room: speaker.room, after: { epoch, offset: 0 } }),
    }));
    speaker.start(8);
    for (const { reading } of readers) await reading.untilOffset(100);
    const cutOff = speaker.untilCutOff();
    await first.kill("SIGKILL");
    await cutOff;
    for (const { reading } of readers) await reading.until(() => false);

    const second = await startServerProcess({ dataDir });
    try {
      const again = new Speaker(second.url, speaker.room);
      assert.equal(await again.say(), epoch);
      const newest = again.stored;
      assert.ok(newest > speaker.stored, "what was acknowledged is there");
      for (const [index, { name, reading }] of readers.entries()) {
        const other = rawSubscriptions[(index + 1) % rawSubscriptions.length];
        assert.ok(other);
        const resumed = other.read({ url: second.url, room: speaker.room, after: reading.position });
        await resumed.untilOffset(newest);
        resumed.close();
        assert.equal(resumed.endedWith, undefined, `${name}, then ${other.name}`);
        assert.deepEqual(
          [...reading.offsets, ...resumed.offsets],
          Array.from({ length: newest }, (_, at) => at + 1),
          `${name}, then ${other.name}`,
        );
      }
    } finally {
      await second.stop();
      await first.stop();
    }
  });
});

interface Page {
  readonly messages?: readonly { readonly position: { readonly epoch: number; readonly offset: string } }[];
  readonly more?: boolean;
}

/** Ways to ask for a page after a position, `epoch:offset`. */
const pagesAfter: Readonly<Record<string, (url: string, room: string, after: string) => Promise<Page>>> = {
  REST: async (url, room, position) =>
    (await (await fetch(`${url}/v1/rooms/${room}/messages?limit=40&after=${position}`)).json()) as Page,
  Connect: async (url, room, position) => {
    const [epoch, offset] = position.split(":");
    const response = await fetch(`${url}/confab.v1.ChatService/GetHistory`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ room, limit: 40, after: { epoch: Number(epoch), offset } }),
    });
    return (await response.json()) as Page;
  },
};

describe("a reader that comes back by GetHistory", () => {
  let server: ServerProcess;
  before(async () => {
    server = await startServerProcess({ flags: { durability: "os" } });
  });
  after(() => server.stop());

  for (const [way, pageAfter] of Object.entries(pagesAfter)) {
    it(`over ${way} gets exactly what it missed, page after page, and goes on live from there, while others go on sending`, async () => {
      const speaker = new Speaker(server.url, `pages-${way}`);
      const epoch = await speaker.say();
      speaker.start(4);
      const offsets: number[] = [1];
      await speaker.untilStored(200);
      for (let more = true; more; ) {
        const page = await pageAfter(server.url, speaker.room, `${epoch}:${offsets.at(-1)}`);
        offsets.push(...(page.messages ?? []).map(({ position }) => Number(position.offset)));
        more = page.more === true && offsets.length < 400;
      }
      const [live] = rawSubscriptions;
      assert.ok(live);
      const reading = live.read({
        url: server.url,
        room: speaker.room,
        after: { epoch, offset: offsets.at(-1) ?? 0 },
      });
      await reading.until(() => reading.startedAt !== undefined);
      await reading.untilOffset(speaker.stored + 5);
      reading.close();
      await speaker.stop();
      offsets.push(...reading.offsets);
      assert.deepEqual(
        offsets,
        Array.from(offsets, (_, at) => at + 1),
      );
      assert.ok(offsets.length > 200);
    });
  }
});
