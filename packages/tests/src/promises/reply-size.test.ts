import assert from "node:assert/strict";
import { once } from "node:events";
import { after, before, test } from "node:test";
import { create, type MessageInitShape, toBinary, toJsonString } from "@bufbuild/protobuf";
import { connect } from "@confab/client/node";
import { ClientFrameSchema } from "@confab/contract/gen/confab/v1/frame_pb";
import { WebSocket } from "ws";
import { type ServerProcess, startServerProcess } from "../fixture/server-process.js";
import {
  type ChatClient,
  chatClient,
  endOf,
  type LoadedFrame,
  type LoadedMessage,
  take,
  unary,
} from "../foreign/grpc-js-client.js";
import { frameWithoutDetails } from "../parity/raw-clients.js";

// A page of 300 messages of 60 KB had 4,206,578 bytes. Stock gRPC clients take 4 MiB and Python's `websockets` 1 MiB: they
// refused it, and with it the whole Converse stream or WebSocket.

const messageCount = 80;
const clientLimitBytes = 1_048_576;

let server: ServerProcess;
let client: ChatClient;

before(async () => {
  server = await startServerProcess({ flags: { durability: "os" } });
  client = chatClient(server.port);
  const sender = connect({ url: server.url, user: "ann" });
  // A control character takes six bytes in JSON, so that pages are of different sizes in the two formats.
  const texts = Array.from({ length: messageCount }, (_, i) => `${i} ${(i % 8 === 0 ? "\u0001" : "x").repeat(60_000)}`);
  for (const text of texts) await sender.room("large").send(text);
  sender.close();
});

after(async () => {
  client.close();
  await server.stop();
});

const all = Array.from({ length: messageCount }, (_, index) => String(index + 1));
const offsetsOf = (messages: readonly { readonly position?: { readonly offset?: unknown } | undefined }[]) =>
  messages.map(({ position }) => String(position?.offset));

test("grpc-js with default limits reads the whole history, page by page", async () => {
  const read: LoadedMessage[] = [];
  for (let more = true; more; ) {
    const position = read.at(-1)?.position;
    const cursor = position ? { after: position } : { oldest_first: true };
    const page = await unary(client, client.GetHistory, { room: "large", limit: 300, ...cursor });
    read.push(...page.messages);
    more = page.more;
  }
  assert.deepEqual(offsetsOf(read), all);
});

test("grpc-js reads a page and the whole history over Converse, and keeps its stream", async () => {
  const stream = client.Converse();
  stream.write({ request: 1, history: { room: "large", limit: 300, oldest_first: true } });
  const [, page] = await take<LoadedFrame>(stream, 2);
  assert.deepEqual([page?.request, page?.frame], [1, "history"]);
  stream.write({ request: 2, subscribe: { reader: { room: "large", history: messageCount } } });
  const [subscribed] = await take<LoadedFrame>(stream, 1);
  assert.equal(subscribed?.frame, "subscribed");
  const heard: LoadedMessage[] = [];
  while (heard.length < messageCount) {
    for (const frame of await take<LoadedFrame>(stream, 1)) heard.push(...(frame.messages?.messages ?? []));
  }
  assert.deepEqual(offsetsOf(heard), all);
  stream.end();
  assert.equal(await endOf(stream), undefined);
});

for (const subprotocol of ["confab.v1.json", "confab.v1.proto"]) {
  test(`a WebSocket client that takes 1 MiB reads pages and live batches, ${subprotocol}`, async () => {
    const socket = new WebSocket(`${server.url.replace("http", "ws")}/chat`, [subprotocol], {
      maxPayload: clientLimitBytes,
      rejectUnauthorized: false,
    });
    const read: string[] = [];
    const heard: string[] = [];
    const isProto = subprotocol === "confab.v1.proto";
    const ask = (frame: MessageInitShape<typeof ClientFrameSchema>) => {
      const made = create(ClientFrameSchema, frame);
      socket.send(isProto ? toBinary(ClientFrameSchema, made) : toJsonString(ClientFrameSchema, made));
    };
    const done = new Promise<void>((resolve, reject) => {
      socket.on("close", (code) => reject(new Error(`closed with ${code}`)));
      socket.on("error", reject);
      socket.on("message", (data: Buffer, isBinary) => {
        const { frame } = frameWithoutDetails(data, isBinary);
        if (frame.case === "error") reject(new Error(frame.value.message));
        if (frame.case === "history") {
          read.push(...offsetsOf(frame.value.messages));
          const position = frame.value.messages.at(-1)?.position;
          if (frame.value.more && position)
            ask({ request: 1, frame: { case: "history", value: { room: "large", limit: 300, after: position } } });
          else
            ask({
              request: 2,
              frame: { case: "subscribe", value: { reader: { room: "large", history: messageCount } } },
            });
        }
        if (frame.case === "messages") heard.push(...offsetsOf(frame.value.messages));
        if (heard.length >= messageCount) resolve();
      });
    });
    await once(socket, "open");
    ask({ request: 1, frame: { case: "history", value: { room: "large", limit: 300, oldestFirst: true } } });
    await done;
    socket.terminate();
    assert.deepEqual([read, heard], [all, all]);
  });
}

for (const [name, path, format] of [
  ["REST", "/v1/rooms/large/messages?limit=1000", "json"],
  [
    "Connect JSON",
    `/confab.v1.ChatService/GetHistory?encoding=json&message=${encodeURIComponent('{"room":"large","limit":1000}')}`,
    "json",
  ],
] as const) {
  test(`a page over ${name} is below 1 MiB, and says that more follows`, async () => {
    const response = await fetch(`${server.url}${path}`);
    assert.equal(response.status, 200);
    const body = Buffer.from(await response.arrayBuffer());
    assert.ok(body.length < clientLimitBytes, `${body.length} bytes of ${format}`);
    const page = JSON.parse(body.toString()) as { messages: { position: { offset: string } }[]; more?: boolean };
    // The newest page ends with the newest message, and misses none before it.
    assert.deepEqual(offsetsOf(page.messages), all.slice(-page.messages.length));
    assert.equal(page.more, true);
  });
}
