import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { getEventListeners, once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { after, before, describe, it } from "node:test";
import {
  type ChatMessage,
  ConfabError,
  isNetworkFailure,
  type Link,
  type Listening,
  openLink,
  type TransportName,
} from "@confab/client/node";
import { type ServerProcess, startServerProcess } from "./fixture/server-process.js";

const transports: readonly TransportName[] = [
  "websocket-plain",
  "websocket-json",
  "websocket-proto",
  "connect",
  "grpc-web",
  "grpc",
  "sse",
];

/** The next `count` messages. Reading goes on afterwards. */
async function take(listening: Listening, count: number): Promise<ChatMessage[]> {
  const iterator = listening[Symbol.asyncIterator]();
  const messages: ChatMessage[] = [];
  while (messages.length < count) {
    const { done, value } = await iterator.next();
    if (done) break;
    messages.push(value);
  }
  return messages;
}

function isCode(code: string) {
  return (error: unknown) => error instanceof ConfabError && error.code === code && !isNetworkFailure(error);
}

function newRoom(): string {
  return `room-${randomUUID()}`;
}

for (const transport of transports) {
  describe(`a ${transport} link`, () => {
    let server: ServerProcess;
    let link: Link;
    /** Writes what the link under test reads. */
    let other: Link;

    before(async () => {
      server = await startServerProcess({ flags: { dedupeWindowMs: 61_500 } });
      link = openLink(transport, { url: server.url });
      other = openLink("websocket-proto", { url: server.url });
    });
    after(async () => {
      link.close();
      other.close();
      await server.stop();
    });

    it("acknowledges a message with its place in the log, where history finds it", async () => {
      const room = newRoom();
      const ack = await link.send({ room, user: "alice", text: "hi \u0007 🌍", id: "first" });
      assert.equal(ack.id, "first");
      assert.equal(ack.duplicate, false);
      assert.match(ack.position, /^[0-9]+:1$/);
      const page = await link.history({ room });
      const { sentAt, ...message } = page.messages[0] ?? assert.fail("the message is not there");
      assert.deepEqual(message, { room, user: "alice", text: "hi \u0007 🌍", id: "first", position: ack.position });
      assert.equal(sentAt.getTime(), ack.sentAt.getTime());
      assert.deepEqual([page.more, page.oldest, page.newest], [false, ack.position, ack.position]);
    });

    it("knows how long the server recognises a repeated send, where the server says it", async () => {
      await link.open();
      const isFramed = transport === "websocket-json" || transport === "websocket-proto";
      assert.equal(link.dedupeWindowMs, isFramed ? 61_500 : undefined);
    });

    it("gives an id to a message that has none, and the lobby to one without a room", async () => {
      const ack = await link.send({ user: "alice", text: "hello" });
      assert.notEqual(ack.id, "");
      const [message] = (await other.history({ room: "lobby", limit: 1 })).messages;
      assert.equal(message?.id, ack.id);
    });

    it("recognises a message that was sent before", async () => {
      const message = { room: newRoom(), user: "alice", text: "once", id: "same" };
      const first = await link.send(message);
      const second = await link.send(message);
      assert.deepEqual([first.duplicate, second.duplicate], [false, true]);
      assert.equal(second.position, first.position);
    });

    it("hears what comes after it began, from a position that is known while the room is empty", async () => {
      const room = newRoom();
      const listening = await link.listen({ room });
      assert.match(listening.position, /^[0-9]+:0$/);
      assert.equal(listening.recovered, false);
      const ack = await other.send({ room, user: "bob", text: "one" });
      await link.send({ room, user: "bob", text: "two" });
      const heard = await take(listening, 2);
      assert.deepEqual(
        heard.map(({ text }) => text),
        ["one", "two"],
      );
      assert.equal(heard[0]?.position, ack.position);
    });

    it("begins with the newest messages, or after a position, as it is asked", async () => {
      const room = newRoom();
      const acks = [];
      for (const text of ["1", "2", "3", "4"]) acks.push(await other.send({ room, user: "bob", text }));
      const recent = await link.listen({ room, history: 2 });
      assert.equal(recent.position, acks[1]?.position);
      const resumed = await link.listen({ room, after: acks[0]?.position });
      assert.deepEqual([resumed.position, resumed.recovered], [acks[0]?.position, true]);
      const texts = async (listening: Listening, count: number) =>
        (await take(listening, count)).map(({ text }) => text);
      assert.deepEqual(await texts(recent, 2), ["3", "4"]);
      assert.deepEqual(await texts(resumed, 3), ["2", "3", "4"]);
    });

    it("reads history in both directions", async () => {
      const room = newRoom();
      const acks = [];
      for (const text of ["1", "2", "3", "4"]) acks.push(await other.send({ room, user: "bob", text }));
      const texts = async (request: Parameters<Link["history"]>[0]) => {
        const { messages, more } = await link.history({ room, ...request });
        return [...messages.map(({ text }) => text), more];
      };
      assert.deepEqual(await texts({ limit: 2 }), ["3", "4", true]);
      assert.deepEqual(await texts({ limit: 2, oldestFirst: true }), ["1", "2", true]);
      assert.deepEqual(await texts({ after: acks[1]?.position }), ["3", "4", false]);
      assert.deepEqual(await texts({ before: acks[2]?.position, limit: 5 }), ["1", "2", false]);
    });

    // Node warns of more than ten listeners, and an application may give one signal to everything that it does.
    it("takes one signal for many calls, with one listener, and lets go of it", async () => {
      const room = newRoom();
      const controller = new AbortController();
      const { signal } = controller;
      let most = 0;
      const count = <T>(call: Promise<T>): Promise<T> => {
        most = Math.max(most, getEventListeners(signal, "abort").length);
        return call.finally(() => {
          most = Math.max(most, getEventListeners(signal, "abort").length);
        });
      };
      const listenings = Array.from({ length: 4 }, () => count(link.listen({ room }, { signal })));
      const calls = Array.from({ length: 4 }, (_, index) => [
        count(link.send({ room, user: "alice", text: `${index}` }, { signal })),
        count(link.history({ room }, { signal })),
        count(link.rooms({ limit: 1 }, { signal })),
        count(link.members({ room }, { signal })),
        count(link.signal({ room, user: `user-${index}`, kind: "typing" }, { signal })),
      ]);
      await Promise.all([...listenings, ...calls.flat()]);
      assert.equal(most, 1);
      controller.abort();
      assert.equal(getEventListeners(signal, "abort").length, 0);
    });

    it("lists rooms and members, and takes signals", async () => {
      const room = newRoom();
      await link.send({ room, user: "alice", text: "hi" });
      const controller = new AbortController();
      await link.listen({ room, user: "carol" }, { signal: controller.signal });
      const { rooms, nextPage } = await link.rooms({ prefix: room });
      assert.deepEqual(
        rooms.map(({ name, messages, members, subscribers }) => [name, messages, members, subscribers >= 1]),
        [[room, 1, 1, true]],
      );
      assert.equal(nextPage, "");
      const members = await link.members({ room });
      assert.deepEqual([members.members, members.total], [[{ user: "carol", connections: 1 }], 1]);
      await link.signal({ room, user: "alice", kind: "typing" });
      controller.abort();
    });

    it("ends a listening whose signal aborts, and the server forgets the reader", async () => {
      const room = newRoom();
      await other.send({ room, user: "bob", text: "hi" });
      const controller = new AbortController();
      const listening = await link.listen({ room, user: "carol" }, { signal: controller.signal });
      const rest = take(listening, 1);
      controller.abort();
      assert.deepEqual(await rest, []);
      await untilEmpty(other, room);
    });

    it("stops reading when the loop is left", async () => {
      const room = newRoom();
      await other.send({ room, user: "bob", text: "hi" });
      for await (const message of await link.listen({ room, user: "carol", history: 1 })) {
        assert.equal(message.text, "hi");
        break;
      }
      await untilEmpty(other, room);
    });

    it("refuses what the server refuses, with the same code and details as any other", async () => {
      const room = newRoom();
      await assert.rejects(link.send({ room, user: "", text: "hi" }), (error) => {
        assert.ok(isCode("INVALID_MESSAGE")(error));
        assert.deepEqual(
          (error as ConfabError).facts.violations?.map(({ field, rule }) => [field, rule]),
          [["user", "string.min_len"]],
        );
        return true;
      });
      await assert.rejects(link.send({ room, user: "a", text: "x".repeat(65_500) }), isCode("PAYLOAD_TOO_LARGE"));
      await assert.rejects(link.send({ room, user: "a", text: "x".repeat(600_000) }), isCode("PAYLOAD_TOO_LARGE"));
      await assert.rejects(link.listen({ room: "no/room" }), isCode("INVALID_MESSAGE"));
      await assert.rejects(link.listen({ room, after: "nowhere" }), isCode("MALFORMED_MESSAGE"));
      await assert.rejects(link.history({ room, limit: 1_001 }), isCode("INVALID_MESSAGE"));
      await assert.rejects(link.signal({ room, user: "a", kind: "Not A Kind" }), isCode("INVALID_MESSAGE"));
      assert.equal((await link.send({ room, user: "a", text: "still here" })).duplicate, false);
    });

    it("is told what the log holds when it cannot resume", async () => {
      const room = newRoom();
      const { position } = await other.send({ room, user: "bob", text: "hi" });
      const epoch = Number(position.split(":")[0]);
      await assert.rejects(link.listen({ room, after: `${epoch === 1 ? 2 : 1}:1` }), (error) => {
        assert.ok(isCode("OUT_OF_RANGE")(error));
        assert.deepEqual((error as ConfabError).facts.range, { room, epoch, oldest: 1, newest: 1 });
        return true;
      });
    });

    it("gives every message, in order, to a loop that is slower than the room", async () => {
      const room = newRoom();
      const listening = await link.listen({ room });
      const text = "x".repeat(60_000);
      // More than sockets, server and link hold together, so that flow control has to act.
      const count = 300;
      // All at once, so that messages are on their way whenever the link has to stop reading.
      await Promise.all(Array.from({ length: count }, () => other.send({ room, user: "bob", text })));
      const offsets = (await take(listening, count)).map(({ position }) => Number(position.split(":")[1]));
      assert.deepEqual(
        offsets,
        Array.from({ length: count }, (_, index) => index + 1),
      );
    });

    it("passes a payload of an unknown type through", async () => {
      const room = newRoom();
      const payload = { typeUrl: "type.googleapis.com/shop.Order", value: new Uint8Array([8, 150, 1]) };
      await link.send({ room, user: "alice", payload });
      const [message] = await take(await link.listen({ room, history: 1 }), 1);
      const received = message?.payload;
      assert.ok(received && "value" in received, "the payload came as bytes");
      assert.deepEqual([received.typeUrl, [...received.value]], [payload.typeUrl, [8, 150, 1]]);
    });

    it("says CANCELLED for a call that its caller gave up", async () => {
      await assert.rejects(link.send({ user: "a", text: "b" }, { signal: AbortSignal.abort() }), isCode("CANCELLED"));
      await assert.rejects(link.listen({}, { signal: AbortSignal.abort() }), isCode("CANCELLED"));
    });

    it("ends a listening with an error worth a retry when the server stops, and calls fail as the network's", async () => {
      const room = newRoom();
      const listening = await link.listen({ room });
      const rest = take(listening, 1);
      const ended = assert.rejects(rest, (error) => error instanceof ConfabError && error.kind.retry);
      await server.kill("SIGTERM");
      await ended;
      await assert.rejects(link.rooms(), isNetworkFailure);
    });
  });

  describe(`a ${transport} link to a port where nobody listens`, () => {
    it("fails as the network's, and is sure that nothing was stored", async () => {
      const holder = createServer().listen(0, "127.0.0.1");
      await once(holder, "listening");
      const { port } = holder.address() as AddressInfo;
      holder.close();
      const link = openLink(transport, { url: `http://127.0.0.1:${port}` });
      const isUnreachable = (error: unknown) =>
        error instanceof ConfabError && error.code === "ENGINE_UNAVAILABLE" && isNetworkFailure(error);
      await assert.rejects(link.send({ user: "a", text: "b" }), isUnreachable);
      await assert.rejects(link.listen({}), isUnreachable);
      await assert.rejects(link.history({}), isUnreachable);
      link.close();
    });
  });
}

/** Resolves once nobody reads the room. The server hears of a reader's end when its connection's bytes arrive. */
async function untilEmpty(link: Link, room: string): Promise<void> {
  for (;;) {
    const { rooms } = await link.rooms({ prefix: room });
    if (rooms[0]?.subscribers === 0) return;
  }
}
