import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, before, describe, it } from "node:test";
import { type Client, ConfabError, type IncomingSignal, type Presence, type TransportName } from "@confab/client/node";
import { type CutProxy, startCutProxy } from "../fixture/cut-proxy.js";
import { type ServerProcess, startServerProcess } from "../fixture/server-process.js";
import { quickClient } from "./conversation.js";

/** As a server sends them, so that a stream that is not answered is noticed by whoever should. */
const pingIntervalMs = 1_000;

const hearing: readonly TransportName[] = ["websocket-json", "websocket-proto", "grpc"];
const messagesOnly: readonly TransportName[] = ["websocket-plain", "connect", "grpc-web", "sse"];

describe("signals and presence", { timeout: 60_000 }, () => {
  let server: ServerProcess;
  let proxy: CutProxy;
  let bob: Client;

  before(async () => {
    server = await startServerProcess({ flags: { limits: { pingIntervalMs } } });
    proxy = await startCutProxy(server.port);
    bob = quickClient({ url: server.url, user: "bob" });
  });
  after(async () => {
    bob.close();
    await proxy.close();
    await server.stop();
  });

  /** Signal until one of this kind is heard: nobody says when a subscription begins, and what was said before is lost. */
  async function heard(signals: AsyncIterator<IncomingSignal>, room: string, kind: string): Promise<IncomingSignal> {
    let found: IncomingSignal | undefined;
    const saying = (async () => {
      while (found?.kind !== kind) await bob.room(room).signal({ kind, position: "7:3" }).catch(rateLimited);
    })();
    while (found?.kind !== kind) found = (await signals.next()).value;
    await saying;
    return found;
  }

  function rateLimited(error: unknown): Promise<void> {
    if (!(error instanceof ConfabError) || !error.kind.retry) throw error;
    return new Promise((resolve) => setTimeout(resolve, error.facts.retryAfterMs ?? 0));
  }

  for (const transport of hearing) {
    it(`over ${transport} are heard, and are heard again after the connection was cut`, async (t) => {
      const client = quickClient({ url: proxy.url, transport, user: "ann" });
      t.after(() => client.close());
      const room = `room-${randomUUID()}`;
      const signals = client.room(room).signals()[Symbol.asyncIterator]();
      assert.deepEqual(await heard(signals, room, "typing"), { user: "bob", room, kind: "typing", position: "7:3" });
      proxy.cut();
      assert.equal((await heard(signals, room, "read")).kind, "read");
    });

    it(`over ${transport} tell who is there, who comes and who goes, and all anew after a cut`, async (t) => {
      const client = quickClient({ url: proxy.url, transport, user: "ann" });
      t.after(() => client.close());
      const room = `room-${randomUUID()}`;
      const presence = client.room(room).presence()[Symbol.asyncIterator]();
      const next = async () => (await presence.next()).value as Presence;
      assert.deepEqual(await next(), { kind: "members", members: [], total: 0 });
      const reading = bob.room(room).subscribe(() => undefined);
      assert.deepEqual(await next(), { kind: "joined", user: "bob", total: 1 });
      proxy.cut();
      assert.deepEqual(await next(), { kind: "members", members: [{ user: "bob", connections: 1 }], total: 1 });
      reading.unsubscribe();
      assert.deepEqual(await next(), { kind: "left", user: "bob", total: 0 });
      await presence.return?.();
    });

    it(`over ${transport} come with the messages, over one subscription`, async (t) => {
      const client = quickClient({ url: proxy.url, transport, user: "ann" });
      t.after(() => client.close());
      const room = `room-${randomUUID()}`;
      const heard: string[] = [];
      const isThere = new Promise<void>((resolve) => {
        const onPresence = ({ kind }: Presence) => {
          heard.push(kind);
          resolve();
        };
        client
          .room(room)
          .subscribe(({ text }) => void heard.push(text), { onSignal: ({ kind }) => heard.push(kind), onPresence });
      });
      await isThere;
      await bob.room(room).signal({ kind: "typing" });
      await bob.room(room).send("hi");
      while (heard.length < 3) await new Promise((resolve) => setImmediate(resolve));
      assert.deepEqual(heard, ["members", "typing", "hi"]);
      const { members } = await bob.room(room).members();
      assert.deepEqual(members, [{ user: "ann", connections: 1 }]);
    });
  }

  it("over grpc go on on a stream that is quiet for longer than the server's pings", async (t) => {
    const client = quickClient({ url: proxy.url, transport: "grpc", user: "ann" });
    t.after(() => client.close());
    const room = `room-${randomUUID()}`;
    const states: string[] = [];
    const presence = client.room(room).presence()[Symbol.asyncIterator]();
    await presence.next();
    client.on("state", ({ name }) => states.push(name));
    const quietMs = 3 * pingIntervalMs;
    await new Promise((resolve) => setTimeout(resolve, quietMs));
    const reading = bob.room(room).subscribe(() => undefined);
    assert.deepEqual((await presence.next()).value, { kind: "joined", user: "bob", total: 1 });
    reading.unsubscribe();
    assert.deepEqual(states, []);
  });

  for (const transport of messagesOnly) {
    it(`over ${transport} are refused, in words that name the transports that have them`, async (t) => {
      const client = quickClient({ url: proxy.url, transport });
      t.after(() => client.close());
      for (const events of [client.room("r").signals(), client.room("r").presence()]) {
        await assert.rejects(
          async () => {
            for await (const event of events) assert.fail(JSON.stringify(event));
          },
          { code: "UNKNOWN_METHOD", message: new RegExp(`^${transport} does not tell of signals .*websocket-proto`) },
        );
      }
      assert.equal(client.state.name, "live");
    });
  }
});
