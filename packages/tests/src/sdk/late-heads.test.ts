import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, afterEach, before, beforeEach, describe, it } from "node:test";
import { type Client, openLink, type TransportName } from "@confab/client/node";
import { ChatService } from "@confab/contract/gen/confab/v1/chat_service_pb";
import { createClient, type Transport } from "@connectrpc/connect";
import { createConnectTransport, createGrpcWebTransport } from "@connectrpc/connect-node";
import { type LateHeads, startLateHeads } from "../fixture/late-heads.js";
import { type ServerProcess, startServerProcess } from "../fixture/server-process.js";
import { quickClient } from "./conversation.js";

// Firefox shows the head of a stream to the page with the first byte of its body. In a quiet room that is the next message:
// a client that waits for the head to learn where the stream starts never begins to read, and misses what comes between two tries.
const transports: readonly TransportName[] = ["connect", "grpc-web", "sse"];

describe("behind something that shows heads only with the first byte of a body", { timeout: 60_000 }, () => {
  let server: ServerProcess;
  let proxy: LateHeads;
  let room: string;
  let say: (text: string) => Promise<unknown>;
  let other: { close(): void };

  before(async () => {
    server = await startServerProcess();
    const link = openLink("websocket-proto", { url: server.url });
    other = link;
    say = (text) => link.send({ room, user: "bob", text });
  });
  beforeEach(async () => {
    room = `room-${randomUUID()}`;
    proxy = await startLateHeads(server.port);
  });
  afterEach(() => proxy.close());
  after(async () => {
    other.close();
    await server.stop();
  });

  for (const transport of transports) {
    it(`a client over ${transport} reads a quiet room, and loses nothing between two streams`, async (t) => {
      const client = quickClient({ url: proxy.url, transport, attemptTimeoutMs: 5_000 });
      t.after(() => client.close());
      const received = textsOf(client, room);
      await live(client);
      // As soon as the client is live, every message counts: here those that come while it has no stream.
      proxy.holdStreams();
      await say("one");
      proxy.releaseStreams();
      await received.until(1);
      proxy.holdStreams();
      await say("two");
      proxy.releaseStreams();
      await received.until(2);
      assert.deepEqual(received.texts, ["one", "two"]);
    });

    it(`a link over ${transport} knows where it reads a quiet room from, and fails with a refusal`, async (t) => {
      const link = openLink(transport, { url: proxy.url });
      t.after(() => link.close());
      const listening = await link.listen({ room });
      assert.match(listening.position, /^[0-9]+:0$/);
      await say("one");
      for await (const { text } of listening) {
        assert.equal(text, "one");
        break;
      }
      await assert.rejects(link.listen({ room, after: "1:1" }), { code: "OUT_OF_RANGE" });
      await assert.rejects(link.listen({ room, history: 1_001 }), { code: "INVALID_MESSAGE" });
    });
  }

  const stock: readonly [string, (baseUrl: string) => Transport][] = [
    ["Connect", (baseUrl) => createConnectTransport({ baseUrl, httpVersion: "1.1" })],
    ["gRPC-Web", (baseUrl) => createGrpcWebTransport({ baseUrl, httpVersion: "1.1" })],
  ];
  for (const [name, transportTo] of stock) {
    it(`a stock ${name} client loses nothing if it asks GetHistory for its position first`, async () => {
      const chat = createClient(ChatService, transportTo(proxy.url));
      const { newest } = await chat.getHistory({ room, limit: 1 });
      assert.equal(newest?.offset, 0n);
      // Before the stream is there at all: the hardest case.
      await say("one");
      for await (const { text } of chat.streamMessages({ room, ...(newest && { after: newest }) })) {
        assert.equal(text, "one");
        break;
      }
    });
  }
});

function live(client: Client): Promise<void> {
  return new Promise((resolve, reject) => {
    client.on("state", ({ name }) => {
      if (name === "live") resolve();
      if (name === "closed") reject(new Error("the client closed"));
    });
  });
}

/** The texts that a client receives from a room. */
function textsOf(client: Client, room: string) {
  const texts: string[] = [];
  let wake: () => void = () => undefined;
  const { ended } = client.room(room).subscribe(({ text }) => {
    texts.push(text);
    wake();
  });
  const failed = ended.then((error) => {
    throw new Error("reading ended", { cause: error });
  });
  failed.catch(() => undefined);
  const until = async (count: number) => {
    while (texts.length < count) {
      const more = new Promise<void>((resolve) => {
        wake = resolve;
      });
      await Promise.race([more, failed]);
    }
  };
  return { texts, until };
}
