import assert from "node:assert/strict";
import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { type ChatMessage, type Client, ConfabError, type TransportName } from "@confab/client/node";
import { type ServerProcess, startServerProcess } from "../fixture/server-process.js";
import { rawReaders } from "../parity/raw-readers.js";
import { quickClient } from "../sdk/conversation.js";
import { rawSubscriptions } from "./raw-subscriptions.js";
import { Speaker } from "./speaker.js";

const transports: readonly TransportName[] = [
  "websocket-plain",
  "websocket-json",
  "websocket-proto",
  "connect",
  "grpc-web",
  "grpc",
  "sse",
];

/** A client that reads a room all the time, over any number of servers. */
class LiveReader {
  readonly received: ChatMessage[] = [];
  endedWith: unknown;
  private look: () => void = () => undefined;

  private constructor(
    readonly transport: TransportName,
    private readonly client: Client,
    private readonly room: string,
  ) {}

  static async start(url: string, transport: TransportName, room: string): Promise<LiveReader> {
    const reader = new LiveReader(transport, quickClient({ url, transport }), room);
    const subscription = reader.client.room(room).subscribe((message) => {
      reader.received.push(message);
      reader.look();
    });
    void subscription.ended.then((error) => {
      reader.endedWith = error ?? "ended";
      reader.look();
    });
    while (subscription.position === undefined) await reader.client.room(room).history();
    return reader;
  }

  async untilReceived(count: number): Promise<void> {
    while (this.received.length < count) {
      if (this.endedWith !== undefined) throw new Error(`${this.transport}: ${this.room}`, { cause: this.endedWith });
      await new Promise<void>((resolve) => {
        this.look = resolve;
      });
    }
  }

  close(): void {
    this.client.close();
  }
}

describe("a data folder of which a copy was put back, without log.json", () => {
  let above: string;
  let server: ServerProcess;
  /** Of the rooms before. */
  let epoch: number;
  let quietEpoch: number;
  let newEpoch: number;
  const live: LiveReader[] = [];

  before(async () => {
    above = await mkdtemp(join(tmpdir(), "confab-put-back-"));
    const [dataDir, backup] = [join(above, "data"), join(above, "backup")];
    server = await startServerProcess({ dataDir });
    let lobby = new Speaker(server.url, "lobby");
    for (const text of ["1", "2", "3"]) epoch = await lobby.say(text);
    quietEpoch = await new Speaker(server.url, "quiet").say("1");
    await server.stop();
    await cp(dataDir, backup, { recursive: true, preserveTimestamps: true });

    const { port } = server;
    server = await startServerProcess({ dataDir, flags: { port } });
    lobby = new Speaker(server.url, "lobby");
    for (const transport of transports) live.push(await LiveReader.start(server.url, transport, "quiet"));
    for (const text of ["4 lost", "5 lost"]) assert.equal(await lobby.say(text), epoch);
    await server.kill("SIGKILL");

    await rm(dataDir, { recursive: true });
    await cp(backup, dataDir, { recursive: true, preserveTimestamps: true });
    await rm(join(dataDir, "log.json"));
    server = await startServerProcess({ dataDir, flags: { port } });
    lobby = new Speaker(server.url, "lobby");
    for (const text of ["4", "5"]) newEpoch = await lobby.say(text);
    assert.notEqual(newEpoch, epoch);
    assert.equal(lobby.stored, 5);
  });
  after(async () => {
    for (const reader of live) reader.close();
    await server.stop();
    await rm(above, { recursive: true });
  });

  it("gives each reader exactly what it missed after a position that the copy has, by its name of now", async () => {
    for (const { name, tellsRecovered, read } of rawSubscriptions) {
      const reading = read({ url: server.url, room: "lobby", after: { epoch, offset: 2 } });
      await reading.untilOffset(5);
      reading.close();
      assert.equal(reading.endedWith, undefined, name);
      assert.deepEqual([reading.offsets, reading.epoch], [[3, 4, 5], newEpoch], name);
      if (name !== "WebSocket, plain") assert.deepEqual(reading.startedAt, { epoch: newEpoch, offset: 2 }, name);
      assert.equal(reading.isRecovered, tellsRecovered ? true : undefined, name);
    }
  });

  it("answers a position of what was lost with OUT_OF_RANGE on every transport", async () => {
    for (const { name, readFrom } of rawReaders) {
      assert.equal(await readFrom(server.url, "lobby", { epoch, offset: 3 }), "reading", name);
      for (const offset of [4, 5, 6])
        assert.equal(await readFrom(server.url, "lobby", { epoch, offset }), "OUT_OF_RANGE", `${name} after ${offset}`);
    }
  });

  it("costs the readers that were connected nothing, on any transport of the SDK", async () => {
    const speaker = new Speaker(server.url, "quiet");
    const quietNow = await speaker.say("2");
    assert.notEqual(quietNow, quietEpoch);
    for (const reader of live) await reader.untilReceived(1);
    await speaker.say("3");
    for (const reader of live) {
      await reader.untilReceived(2);
      const received = reader.received.map(({ text, position }) => `${text} at ${position}`);
      assert.deepEqual(received, [`2 at ${quietNow}:2`, `3 at ${quietNow}:3`], reader.transport);
    }
  });

  for (const transport of transports) {
    it(`resumes a client over ${transport} up to what the copy has, and tells it of what was lost`, async (t) => {
      const client = quickClient({ url: server.url, transport });
      t.after(() => client.close());
      const texts: string[] = [];
      for await (const { text, position } of client.room("lobby").messages({ after: `${epoch}:1` })) {
        assert.equal(position, `${newEpoch}:${texts.push(text) + 1}`);
        if (texts.length === 4) break;
      }
      assert.deepEqual(texts, ["2", "3", "4", "5"]);
      await assert.rejects(
        async () => {
          for await (const { text } of client.room("lobby").messages({ after: `${epoch}:5` })) assert.fail(text);
        },
        (error) => {
          assert.ok(error instanceof ConfabError && error.code === "OUT_OF_RANGE", String(error));
          const { epoch: now, newest } = error.facts.range ?? {};
          assert.deepEqual([now, newest], [newEpoch, 5]);
          return true;
        },
      );
    });
  }
});
