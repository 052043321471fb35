import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { ChatService } from "@confab/contract/gen/confab/v1/chat_service_pb";
import { BadRequestSchema } from "@confab/contract/gen/google/rpc/error_details_pb";
import { Health, HealthCheckResponse_ServingStatus as Serving } from "@confab/contract/gen/grpc/health/v1/health_pb";
import { type Client, Code, ConnectError, createClient, type Transport } from "@connectrpc/connect";
import {
  compressionGzip,
  createConnectTransport,
  createGrpcTransport,
  createGrpcWebTransport,
} from "@connectrpc/connect-node";
import { startRelay } from "../fixture/relay.js";
import { type ServerProcess, startServerProcess } from "../fixture/server-process.js";
import { schemeOfThisRun } from "../fixture/tls-run.js";

// `@connectrpc/connect-node` by every road it has: three protocols, two HTTP versions, two formats.

interface Road {
  readonly name: string;
  readonly connect: (baseUrl: string, isGzip: boolean) => Transport;
}

/** What asks for gzip in both directions, from the first byte on. */
const gzip = { sendCompression: compressionGzip, acceptCompression: [compressionGzip], compressMinBytes: 0 };

const roads: readonly Road[] = (["proto", "json"] as const).flatMap((format) => {
  const common = (baseUrl: string, isGzip: boolean) => ({
    baseUrl,
    useBinaryFormat: format === "proto",
    // Without `acceptCompression` this client would offer gzip and Brotli.
    ...(isGzip ? gzip : { acceptCompression: [] }),
  });
  const versions = ["1.1", "2"] as const;
  return [
    {
      name: `gRPC in ${format} over HTTP/2`,
      connect: (url: string, isGzip: boolean) => createGrpcTransport(common(url, isGzip)),
    },
    ...versions.map((httpVersion) => ({
      name: `gRPC-Web in ${format} over HTTP/${httpVersion}`,
      connect: (url: string, isGzip: boolean) => createGrpcWebTransport({ ...common(url, isGzip), httpVersion }),
    })),
    ...versions.map((httpVersion) => ({
      name: `Connect in ${format} over HTTP/${httpVersion}`,
      connect: (url: string, isGzip: boolean) => createConnectTransport({ ...common(url, isGzip), httpVersion }),
    })),
  ];
});

let server: ServerProcess;

before(async () => {
  server = await startServerProcess();
});

after(() => server.stop());

/** A reader of a room whose head has come, and which counts what it takes. */
async function openStream(client: Client<typeof ChatService>, room: string, signal: AbortSignal) {
  let heard: ((position: string | null) => void) | undefined;
  const position = new Promise<string | null>((resolve) => {
    heard = resolve;
  });
  const messages = client.streamMessages(
    { name: "bob", room },
    { signal, onHeader: (headers) => heard?.(headers.get("confab-position")) },
  );
  const iterator = messages[Symbol.asyncIterator]();
  // connect-node sends the request when the first message is asked for.
  const first = iterator.next();
  return { position: await position, iterator, first };
}

for (const [index, { name, connect }] of roads.entries()) {
  describe(name, () => {
    const room = (topic: string) => `${topic}-${index}`;
    const open = () => createClient(ChatService, connect(server.url, false));

    test("a stream hears what is sent, in order, until it is cancelled", async () => {
      const client = open();
      const cancel = new AbortController();
      const topic = room("order");
      const stream = await openStream(client, topic, cancel.signal);
      assert.match(stream.position ?? "", /^[1-9][0-9]*:0$/);
      const texts = Array.from({ length: 30 }, (_, index) => `message ${index}`);
      for (const [index, text] of texts.entries()) {
        const ack = await client.sendMessage({ user: "ada", room: topic, text });
        assert.equal(ack.position?.offset, BigInt(index + 1));
      }
      const heard = [(await stream.first).value];
      while (heard.length < texts.length) heard.push((await stream.iterator.next()).value);
      assert.deepEqual(
        heard.map((message) => `${message?.position?.offset} ${message?.text}`),
        texts.map((text, index) => `${index + 1} ${text}`),
      );
      cancel.abort();
      await assert.rejects(stream.iterator.next(), (error) => ConnectError.from(error).code === Code.Canceled);
    });

    test("an invalid message is refused with the field's name", async () => {
      await assert.rejects(open().sendMessage({ user: "", text: "who am I" }), (error) => {
        const refusal = ConnectError.from(error);
        assert.equal(refusal.code, Code.InvalidArgument);
        const [bad] = refusal.findDetails(BadRequestSchema);
        assert.deepEqual(
          bad?.fieldViolations.map(({ field, reason }) => `${field} ${reason}`),
          ["user string.min_len"],
        );
        return true;
      });
    });

    test("a message over the limit is refused", async () => {
      const call = open().sendMessage({ user: "ada", text: "x".repeat(1_000_000) });
      await assert.rejects(call, (error) => ConnectError.from(error).code === Code.ResourceExhausted);
    });

    test("a method that does not exist is unimplemented", async () => {
      const methods = ChatService.methods.map((method) => ({ ...method, name: "Nothing" }));
      const client = createClient({ ...ChatService, methods }, connect(server.url, false));
      const call = client.sendMessage({ user: "ada", text: "hello" });
      await assert.rejects(call, (error) => ConnectError.from(error).code === Code.Unimplemented);
    });

    test("a stream whose deadline passes ends with it", async () => {
      const messages = open().streamMessages({ name: "bob", room: room("deadline") }, { timeoutMs: 200 });
      const first = messages[Symbol.asyncIterator]().next();
      await assert.rejects(first, (error) => ConnectError.from(error).code === Code.DeadlineExceeded);
    });

    test("gzip goes both ways", async (t) => {
      const relay = await startRelay(server.port);
      t.after(() => relay.close());
      const client = createClient(ChatService, connect(`${schemeOfThisRun()}://127.0.0.1:${relay.port}`, true));
      const text = "the same again ".repeat(2_000);
      await client.sendMessage({ user: "ada", room: room("gzip"), text });
      assert.ok(relay.sentBytes < text.length / 10, `${relay.sentBytes} bytes were sent`);
      const { messages } = await client.getHistory({ room: room("gzip") });
      assert.deepEqual(
        messages.map((message) => message.text),
        [text],
      );
      assert.ok(relay.receivedBytes < text.length / 10, `${relay.receivedBytes} bytes were received`);
    });

    test("the server is healthy", async () => {
      const { status } = await createClient(Health, connect(server.url, false)).check({ service: "" });
      assert.equal(status, Serving.SERVING);
    });
  });
}
