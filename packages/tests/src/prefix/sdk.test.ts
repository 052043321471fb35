import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { Client } from "@confab/client/node";
import { confabErrorFrom } from "@confab/contract";
import { type CutProxy, startCutProxy } from "../fixture/cut-proxy.js";
import { type ServerProcess, startServerProcess } from "../fixture/server-process.js";
import { quickClient } from "../sdk/conversation.js";
import { numbers, PrefixReader, Team, withFrames } from "./testing/prefix-reader.js";

describe("a prefix of rooms, by the SDK", { timeout: 60_000 }, () => {
  let server: ServerProcess;
  let proxy: CutProxy;
  let sender: Client;

  before(async () => {
    const limits = { maxPendingSends: 100_000, emptyRoomMs: 100 };
    const rooms = [
      { pattern: "short.*", retention: { maxMessages: 3 } },
      { pattern: "gone.*", retention: { maxAgeMs: 200 } },
    ];
    server = await startServerProcess({ flags: { limits, rooms, durability: "os" } });
    proxy = await startCutProxy(server.port);
    sender = quickClient({ url: server.url, user: "ann", transport: "websocket-proto", maxQueuedSends: 100_000 });
  });
  after(async () => {
    sender.close();
    await proxy.close();
    await server.stop();
  });

  it("each message of 300 rooms once and in order, through cuts, kills and rooms that are made meanwhile", async (t) => {
    const team = new Team("big.", [sender]);
    await team.say(numbers(0, 150), { first: 2 });
    const readers = withFrames.map(() => new PrefixReader("big."));
    t.after(() => {
      for (const reader of readers) reader.kill();
    });
    const start = (shift: number) => {
      for (const [at, reader] of readers.entries())
        reader.start({ url: proxy.url, transport: withFrames[(at + shift) % withFrames.length] ?? "grpc" });
    };
    start(0);
    for (const reader of readers) await reader.untilRooms(150);
    const saying = team.say(numbers(0, 250), { times: 4 });
    for (const reader of readers) await reader.untilGiven(100);
    for (let cut = 0; cut < 3; cut++) {
      proxy.cut();
      await sender.room("other").send(`cut ${cut}`);
    }
    await saying;
    for (const reader of readers) await reader.untilGiven(500);
    for (const reader of readers) reader.kill();
    // While they are away: rooms that were there, and rooms that none of them knows.
    await team.say(numbers(100, 200), { times: 3 });
    start(1);
    for (const reader of readers) await reader.untilGiven(team.total);
    await team.say(numbers(290, 20));
    for (const reader of readers) await reader.untilGiven(team.total);
    for (const reader of readers) reader.prove(team.rooms);
  });

  it("1,000 rooms with the longest names are resumed, and one more is TOO_MANY_SUBSCRIPTIONS", async (t) => {
    const team = new Team(`${"long-".repeat(19)}.`, [sender]);
    await team.say(numbers(1_000, 1_000), { first: 2 });
    const reader = new PrefixReader(team.prefix);
    t.after(() => reader.kill());
    reader.start({ url: server.url, transport: "websocket-proto" });
    await reader.untilRooms(1_000);
    reader.kill();
    await team.say(numbers(1_000, 1_000));
    for (const transport of withFrames) {
      reader.start({ url: server.url, transport });
      await reader.untilGiven(team.total);
      reader.kill();
    }
    reader.prove(team.rooms);
    await team.say([2_000]);
    reader.start({ url: server.url, transport: "websocket-json" });
    await assert.rejects(reader.untilGiven(team.total), ({ cause }) => {
      assert.equal(confabErrorFrom(cause).code, "TOO_MANY_SUBSCRIPTIONS");
      return true;
    });
  });

  it("a prefix without a room at first is resumed with the first messages of those that were made meanwhile", async (t) => {
    const team = new Team("empty.", [sender]);
    const reader = new PrefixReader("empty.");
    t.after(() => reader.kill());
    reader.start({ url: proxy.url, transport: "websocket-json" });
    // When a room is given, the prefix has begun.
    await until(async () => {
      await team.say([0]);
      return reader.given.size > 0;
    });
    reader.kill();
    await team.say([1, 2], { times: 2 });
    reader.start({ url: proxy.url, transport: "grpc" });
    await reader.untilGiven(team.total - (reader.given.get("empty.0")?.[0] ?? 1) + 1);
    for (const room of ["empty.1", "empty.2"]) assert.deepEqual(reader.given.get(room), [1, 2]);
  });

  it("a reader that is slower than its rooms loses nothing", async (t) => {
    const text = "x".repeat(60_000);
    const slow = quickClient({ url: server.url, transport: "websocket-proto" });
    t.after(() => slow.close());
    const messages = slow.prefix("slow.").messages({ history: 1 });
    const iterator = messages[Symbol.asyncIterator]();
    await sender.room("slow.0").send("first");
    await iterator.next();
    // More than the queue of a reader holds.
    for (let tens = 0; tens < 10; tens++)
      await Promise.all(numbers(0, 40).map((at) => sender.room(`slow.${at % 4}`).send(text)));
    const given = new Map<string, number[]>();
    for (let count = 0; count < 400; count++) {
      const { value } = await iterator.next();
      assert.ok(value);
      given.set(value.room, [...(given.get(value.room) ?? []), Number(value.position.split(":")[1])]);
    }
    assert.deepEqual(given.get("slow.0"), numbers(2, 100));
    for (const room of ["slow.1", "slow.2", "slow.3"]) assert.deepEqual(given.get(room), numbers(1, 100));
    await iterator.return?.();
  });

  it("rooms that have lost messages since are resumed with what they still have, all at once", async (t) => {
    const names = numbers(0, 30).map((at) => `short.${at}`);
    const reader = quickClient({ url: server.url, transport: "websocket-json" });
    t.after(() => reader.close());
    const asked: string[] = [];
    const first = reader.prefix("short.").subscribe(({ room }) => void asked.push(room));
    await until(async () => first.positions !== undefined);
    await Promise.all(names.map((room) => sender.room(room).send("1")));
    await until(async () => asked.length === names.length);
    first.unsubscribe();
    await first.ended;
    for (const text of ["2", "3", "4", "5", "6"]) await Promise.all(names.map((room) => sender.room(room).send(text)));
    const after = first.positions;

    const gaps: string[] = [];
    reader.on("gap", ({ room, resumesAfter }) => gaps.push(`${room} ${resumesAfter.split(":")[1]}`));
    const given = new Map<string, string[]>();
    const again = reader
      .prefix("short.")
      .subscribe(({ room, text = "" }) => void given.set(room, [...(given.get(room) ?? []), text]), {
        after,
        onGap: "oldest",
      });
    await until(async () => given.size === names.length);
    await Promise.all(names.map((room) => sender.room(room).send("7")));
    await until(async () => [...given.values()].every((texts) => texts.includes("7")));
    assert.deepEqual(gaps.sort(), names.map((room) => `${room} 3`).sort());
    for (const room of names) assert.deepEqual(given.get(room), ["4", "5", "6", "7"], room);
    again.unsubscribe();

    const { ended } = reader.prefix("short.").subscribe(() => undefined, { after });
    assert.equal(confabErrorFrom(await ended).code, "OUT_OF_RANGE");
  });

  it("a room that went away is read from its first message when it is made again", async (t) => {
    const reader = quickClient({ url: server.url, transport: "grpc" });
    t.after(() => reader.close());
    const given: string[] = [];
    const first = reader.prefix("gone.").subscribe(({ room, text }) => void given.push(`${room} ${text}`));
    await until(async () => first.positions !== undefined);
    // Without an id, which the server would have to remember.
    const say = async (room: string, text: string) => {
      const body = JSON.stringify({ user: "ann", text });
      const headers = { "content-type": "application/json" };
      const response = await fetch(`${server.url}/v1/rooms/${room}/messages`, { method: "POST", body, headers });
      assert.ok(response.ok, await response.text());
    };
    await Promise.all([say("gone.a", "1"), say("gone.b", "1")]);
    await until(async () => given.length === 2);
    first.unsubscribe();
    await first.ended;
    await until(async () => (await sender.rooms({ prefix: "gone." })).rooms.length === 0);
    await say("gone.a", "2");
    const again = reader
      .prefix("gone.")
      .subscribe(({ room, text }) => void given.push(`${room} ${text}`), { after: first.positions, onGap: "oldest" });
    await until(async () => given.length === 3);
    // It is still known to the reader as a room that is not there.
    await say("gone.b", "2");
    await until(async () => given.length === 4);
    assert.deepEqual(given.slice(2), ["gone.a 2", "gone.b 2"]);
    again.unsubscribe();
    assert.equal(await again.ended, undefined);
  });

  it("a room and a prefix of it can be read by one client", async (t) => {
    const client = quickClient({ url: server.url, transport: "websocket-proto" });
    t.after(() => client.close());
    await sender.room("both.a").send("first");
    const heard: string[] = [];
    const one = client.room("both.a").subscribe(({ text }) => void heard.push(`room ${text}`), { history: 1 });
    const all = client.prefix("both.").subscribe(({ text }) => void heard.push(`prefix ${text}`), { history: 1 });
    await until(async () => heard.length === 2);
    await sender.room("both.a").send("second");
    await until(async () => heard.length === 4);
    assert.deepEqual(heard.sort(), ["prefix first", "prefix second", "room first", "room second"]);
    one.unsubscribe();
    all.unsubscribe();
    assert.deepEqual(await Promise.all([one.ended, all.ended]), [undefined, undefined]);
  });

  it("UNKNOWN_METHOD over a transport without frames", async (t) => {
    const client = quickClient({ url: server.url, transport: "sse" });
    t.after(() => client.close());
    const { ended } = client.prefix("a").subscribe(() => undefined);
    assert.match(String(await ended), /a prefix of rooms needs frames; sse has none/);
  });
});

async function until(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 5));
}
