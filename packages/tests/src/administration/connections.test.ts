import assert from "node:assert/strict";
import { once } from "node:events";
import { after, before, describe, it } from "node:test";
import WebSocket from "ws";
import { Frames } from "../auth/testing/frames.js";
import { streams } from "../auth/testing/streams.js";
import { newTestKey } from "../auth/testing/tokens.js";
import { type Shown, webSocketUrl } from "../auth/testing/ways.js";
import { type ServerProcess, startServerProcess } from "../fixture/server-process.js";
import { Administrator, type ListedConnection } from "./testing/administrator.js";

// What operators see of connections, and end, on one server: every transport, at the level of bytes.

const key = newTestKey();
const bearer = (token: string): Shown => ({ authorization: `Bearer ${token}` });

let server: ServerProcess;
let admin: Administrator;
before(async () => {
  const auth = { keyFiles: [key.file] };
  server = await startServerProcess({ flags: { auth, durability: "os" } });
  admin = new Administrator(server.url, bearer(await key.token(asAdmin)));
});
after(async () => {
  await server.stop();
  key.remove();
});

const asAdmin = { sub: "root", "confab.rooms": [{ pattern: "*", can: ["admin"] }] };

/** One stream by every transport, for a user. */
async function openAll(user: string): Promise<Map<string, Promise<unknown>>> {
  const shown = bearer(await key.token({ sub: user }));
  const endings = new Map(streams.map(([name, end]) => [name, end(server.url, shown)]));
  await admin.untilReading(user, streams.length);
  return endings;
}

describe("connections", () => {
  it("of every transport are listed with what they read", async () => {
    const endings = await openAll("lister");
    const { connections, total, silentNodes } = await admin.list({ user: "lister" });
    assert.deepEqual([total, silentNodes], [streams.length, undefined]);
    assert.deepEqual(connections.map(({ transport }) => transport).sort(), [
      "connect",
      "grpc",
      "grpc",
      "grpc-web",
      "sse",
      "websocket",
      "websocket",
      "websocket",
    ]);
    for (const { id, user, verified, remoteAddress, since, readings, readingCount } of connections) {
      assert.match(id, /^[0-9a-f-]{36}$/);
      assert.deepEqual([user, verified, remoteAddress, readingCount], ["lister", true, "127.0.0.1", 1]);
      assert.ok(Math.abs(Date.parse(since) - Date.now()) < 60_000, since);
      const { room, position } = readings?.[0] ?? assert.fail();
      assert.equal(room, "den");
      assert.ok(Number(position?.epoch) > 0);
    }
    assert.equal(new Set(connections.map(({ id }) => id)).size, streams.length);
    await admin.disconnect({ user: "lister" });
    await Promise.all(endings.values());
    await admin.untilReading("lister", 0);
  });

  for (const [mayReturn, code] of [
    [false, "DISCONNECTED"],
    [true, "RECONNECT"],
  ] as const) {
    it(`of one user end on every transport with ${code}, and those of others go on`, async () => {
      const user = `ended-${code}`;
      const others = await openAll(`other-${code}`);
      const endings = await openAll(user);
      assert.deepEqual(await admin.disconnect({ user, mayReturn, reason: "maintenance" }), {
        connections: streams.length,
      });
      for (const [name, ending] of endings) {
        // A goodbye is a frame; what a Converse stream then ends with is the same error.
        assert.equal(await ending, code, name);
      }
      await admin.untilReading(user, 0);
      assert.equal((await admin.list({ user: `other-${code}` })).total, streams.length);
      await admin.disconnect({ user: `other-${code}` });
      for (const ending of others.values()) assert.equal(await ending, "DISCONNECTED");
    });
  }

  it("are ended one by one, by their ids", async () => {
    await openAll("one-by-one");
    const { connections } = await admin.list({ user: "one-by-one" });
    for (const [index, { id }] of connections.entries()) {
      assert.deepEqual(await admin.disconnect({ connection: id }), { connections: 1 });
      await admin.untilReading("one-by-one", connections.length - index - 1);
    }
    assert.deepEqual(await admin.disconnect({ connection: "no such" }), {});
  });

  it("are found by the id of their welcome, by room, and with what they read", async () => {
    const frames = await Frames.open(server.url, ["confab.v1.json"], bearer(await key.token({ sub: "reader" })));
    const { frame } = await frames.first((each) => each.frame.case === "welcome");
    const id = frame.case === "welcome" ? frame.value.connection : "";
    for (let index = 0; index < 20; index++) {
      const subscribe = { reader: { room: `room-${index}`, name: "reader" }, presence: index === 19, signals: true };
      assert.equal(await frames.ask({ subscribe }), "subscribed");
    }
    const { connections, total } = await admin.list({ room: "room-19" });
    const [found] = connections;
    assert.deepEqual([total, found?.id, found?.readingCount, found?.readings?.length], [1, id, 20, 16]);
    const { position, ...first } = found?.readings?.[0] ?? assert.fail();
    assert.deepEqual(first, { room: "room-19", user: "reader", presence: true, signals: true });
    assert.deepEqual(await admin.disconnect({ connection: id, reason: "enough" }), { connections: 1 });
    const [code, reason] = (await once(frames.socket, "close")) as [number, Buffer];
    assert.deepEqual([code, reason.toString()], [4005, "DISCONNECTED: enough"]);
  });

  it("without a reading are listed and ended too", async () => {
    const headers = bearer(await key.token({ sub: "silent" }));
    const socket = new WebSocket(webSocketUrl(server.url), ["confab.v1.json"], { headers });
    const heard: string[] = [];
    socket.on("message", (data: Buffer) => heard.push(data.toString()));
    await once(socket, "message");
    const { connections } = await admin.list({ user: "silent" });
    assert.deepEqual([connections.length, connections[0]?.readings], [1, undefined]);
    assert.deepEqual(await admin.disconnect({ user: "silent", mayReturn: true }), { connections: 1 });
    const [code] = (await once(socket, "close")) as [number];
    const { goodbye } = JSON.parse(heard.at(-1) ?? "{}") as { goodbye?: object };
    const { reason, reconnectWithin } = goodbye as { reason?: { code: string }; reconnectWithin?: string };
    assert.deepEqual([reason?.code, reconnectWithin], ["RECONNECT", "1s"]);
    assert.equal(code, 4516);
  });

  it("of others lose only what they read in the user's name", async () => {
    const can = ["read", "send-as"];
    const token = await key.token({ sub: "gateway", "confab.rooms": [{ pattern: "*", can }] });
    const frames = await Frames.open(server.url, ["confab.v1.json"], bearer(token));
    for (const name of ["guest", "other"])
      assert.equal(await frames.ask({ subscribe: { reader: { room: `of-${name}`, name } } }), "subscribed");
    assert.deepEqual(
      (await admin.list({ user: "guest" })).connections.map(({ user }) => user),
      ["gateway"],
    );
    assert.deepEqual(await admin.disconnect({ user: "guest" }), { connections: 1 });
    const { frame } = await frames.first((each) => each.frame.case === "unsubscribed");
    assert.ok(frame.case === "unsubscribed");
    assert.deepEqual([frame.value.room, frame.value.reason?.code], ["of-guest", "DISCONNECTED"]);
    assert.deepEqual(
      (await admin.list({ user: "gateway" })).connections[0]?.readings?.map(({ room }) => room),
      ["of-other"],
    );
    frames.socket.terminate();
  });

  it("that take nothing are shown as lagging, with the bytes that wait", async () => {
    const socket = new WebSocket(`${webSocketUrl(server.url)}?room=slow&name=sloth`, {
      headers: bearer(await key.token({ sub: "sloth" })),
    });
    await once(socket, "open");
    await admin.untilReading("sloth", 1);
    socket.pause();
    const headers = { "content-type": "application/json", ...bearer(await key.token({ sub: "loud" })) };
    const body = JSON.stringify({ text: "x".repeat(60_000) });
    let found: ListedConnection | undefined;
    for (let sent = 0; sent < 2_000 && !found?.readings?.[0]?.lagging; sent++) {
      const { status } = await fetch(`${server.url}/v1/rooms/slow/messages`, { method: "POST", headers, body });
      assert.equal(status, 200);
      if (sent % 20 === 0) [found] = (await admin.list({ user: "sloth" })).connections;
    }
    assert.ok(found?.readings?.[0]?.lagging);
    assert.ok((found.queuedBytes ?? 0) > 100_000, String(found.queuedBytes));
    socket.terminate();
    await admin.untilReading("sloth", 0);
  });

  it("are listed in pages, each once and in the order in which they began", async () => {
    const shown = bearer(await key.token({ sub: "paged" }));
    const sockets = Array.from(
      { length: 25 },
      () => new WebSocket(`${webSocketUrl(server.url)}?room=den`, { headers: shown }),
    );
    await admin.untilReading("paged", 25);
    for (const limit of [1, 7, 25, 100]) {
      const ids: string[] = [];
      let page: string | undefined;
      do {
        const answer = await admin.list({ user: "paged", limit: String(limit), ...(page && { page }) });
        assert.ok(answer.connections.length <= limit);
        assert.equal(answer.total, 25);
        ids.push(...answer.connections.map(({ id }) => id));
        page = answer.nextPage;
      } while (page);
      assert.deepEqual([ids.length, new Set(ids).size], [25, 25]);
    }
    for (const socket of sockets) socket.terminate();
  });

  for (const [asked, code] of [
    [{}, "INVALID_MESSAGE"],
    [{ user: "ann", connection: "1" }, "INVALID_MESSAGE"],
    [{ user: "ann", reason: "x".repeat(201) }, "INVALID_MESSAGE"],
  ] as const) {
    it(`are not ended by ${JSON.stringify(asked).slice(0, 50)}: ${code}`, async () => {
      await assert.rejects(admin.disconnect(asked), { code });
    });
  }

  it("have no page of this name: INVALID_MESSAGE", async () => {
    await assert.rejects(admin.list({ page: "hello" }), { code: "INVALID_MESSAGE" });
    await assert.rejects(admin.list({ limit: "1001" }), { code: "INVALID_MESSAGE" });
  });
});
