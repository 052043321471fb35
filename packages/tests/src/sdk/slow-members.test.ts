import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, before, describe, it } from "node:test";
import { type Client, connect, type TransportName } from "@confab/client/node";
import { type ServerProcess, startServerProcess } from "../fixture/server-process.js";

/** More than a reading holds for a loop that is slower than the room (8 MiB). */
const [messages, messageBytes] = [200, 60_000];

const transports: readonly TransportName[] = ["websocket-proto", "websocket-json", "websocket-plain", "connect"];

describe("a reader that is slower than its room", { timeout: 100_000 }, () => {
  let server: ServerProcess;
  let watcher: Client;

  before(async () => {
    server = await startServerProcess();
    watcher = connect({ url: server.url, transport: "websocket-proto", user: "watcher", maxQueuedBytes: 20_000_000 });
  });
  after(async () => {
    watcher.close();
    await server.stop();
  });

  for (const transport of transports) {
    // It left the room when its queue was full, and joined it again when it was empty: others saw it come and go.
    it(`over ${transport} stays a member, and receives every message`, async (t) => {
      const room = `slow-${randomUUID()}`;
      const presence: string[] = [];
      let joined: () => void = () => undefined;
      const hasJoined = new Promise<void>((resolve) => {
        joined = resolve;
      });
      const watching = new AbortController();
      t.after(() => watching.abort());
      const watched = (async () => {
        for await (const event of watcher.room(room).presence({ signal: watching.signal })) {
          const present = event.kind === "members" ? event.members.map(({ user }) => user) : [event.user];
          if (event.kind !== "members") presence.push(`${event.user} ${event.kind}`);
          if (present.includes("slow")) joined();
        }
      })();
      const slow = connect({ url: server.url, transport, user: "slow" });
      t.after(() => slow.close());
      let goOn: () => void = () => undefined;
      const allSent = new Promise<void>((resolve) => {
        goOn = resolve;
      });
      const received: string[] = [];
      let finish: () => void = () => undefined;
      const finished = new Promise<void>((resolve) => {
        finish = resolve;
      });
      const { ended } = slow.room(room).subscribe(async ({ text }) => {
        await allSent;
        received.push(text.trimEnd());
        if (received.length === messages + 1) finish();
      });
      const reading = Promise.race([
        finished,
        ended.then((error) => {
          throw new Error("reading ended", { cause: error });
        }),
      ]);
      await Promise.race([hasJoined, reading]);
      // A fast reader of the same room, to know that the messages have been delivered.
      const fast = watcher.room(room).messages({ user: "fast", history: 1_000 })[Symbol.asyncIterator]();
      const sends = Array.from({ length: messages }, (_, index) =>
        watcher.room(room).send(`${index}`.padEnd(messageBytes)),
      );
      for (let taken = 0; taken < messages; taken++) await fast.next();
      await Promise.all(sends);
      goOn();
      await watcher.room(room).send("last");
      await reading;
      assert.deepEqual(received, [...Array.from({ length: messages }, (_, index) => `${index}`), "last"]);
      const { members } = await watcher.room(room).members();
      assert.deepEqual(
        members.map(({ user }) => user),
        ["fast", "slow"],
      );
      watching.abort();
      await watched;
      assert.deepEqual(
        presence.filter((event) => event === "slow left"),
        [],
      );
    });
  }
});
