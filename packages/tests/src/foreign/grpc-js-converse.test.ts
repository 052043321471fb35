import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { type ClientDuplexStream, status } from "@grpc/grpc-js";
import { type ServerProcess, startServerProcess } from "../fixture/server-process.js";
import { type ChatClient, chatClient, endOf, type LoadedFrame, take } from "./grpc-js-client.js";

// `@grpc/grpc-js` on the bidi stream.

let server: ServerProcess;
let client: ChatClient;

before(async () => {
  server = await startServerProcess();
  client = chatClient(server.port);
});

after(async () => {
  client.close();
  await server.stop();
});

/** A conversation whose welcome has been read. */
async function converse(): Promise<ClientDuplexStream<object, LoadedFrame>> {
  const stream = client.Converse();
  const [welcome] = await take(stream, 1);
  assert.equal(welcome?.frame, "welcome");
  return stream;
}

/** Frames until `messageCount` messages have come, with the batches opened: how many a batch holds is the server's choice. */
async function takeWithMessages(
  stream: ClientDuplexStream<object, LoadedFrame>,
  frameCount: number,
  messageCount: number,
) {
  const frames: LoadedFrame[] = [];
  const texts: string[] = [];
  while (frames.length < frameCount || texts.length < messageCount) {
    for (const frame of await take<LoadedFrame>(stream, 1)) {
      if (frame.messages) texts.push(...frame.messages.messages.map(({ text }) => text));
      else frames.push(frame);
    }
  }
  return { frames, texts };
}

test("grpc-js subscribes, sends and hears itself on one stream", async () => {
  const stream = await converse();
  stream.write({ request: 1, subscribe: { reader: { name: "ada", room: "talk" } } });
  const [subscribed] = await take(stream, 1);
  assert.equal(subscribed?.request, 1);
  assert.equal(subscribed?.subscribed?.position.offset, "0");

  const texts = Array.from({ length: 100 }, (_, index) => `${index}`);
  for (const [index, text] of texts.entries())
    stream.write({ request: 2 + index, send: { user: "ada", room: "talk", text } });
  const { frames, texts: heard } = await takeWithMessages(stream, texts.length, texts.length);
  assert.deepEqual(heard, texts);
  assert.deepEqual(
    frames.map(({ request, ack }) => `${request} ${ack?.position?.offset}`),
    texts.map((_, index) => `${2 + index} ${index + 1}`),
  );
  stream.end();
  assert.equal(await endOf(stream), undefined);
});

test("grpc-js half-closes at once and still gets every answer that is due", async () => {
  const stream = await converse();
  for (let request = 1; request <= 50; request += 1) {
    stream.write({ request, send: { user: "ada", room: "leaving", text: `${request}` } });
  }
  stream.end();
  const acks: LoadedFrame[] = [];
  for await (const frame of stream) acks.push(frame as LoadedFrame);
  assert.deepEqual(
    acks.map(({ request, ack }) => `${request} ${ack?.position?.offset}`),
    acks.map((_, index) => `${index + 1} ${index + 1}`),
  );
  assert.equal(acks.length, 50);
});

test("an invalid frame is answered with an error, and the stream goes on", async () => {
  const stream = await converse();
  stream.write({ request: 1, send: { user: "", text: "who am I" } });
  stream.write({ request: 2, send: { user: "ada", room: "goes-on", text: "fine" } });
  const [error, ack] = await take(stream, 2);
  assert.equal(error?.request, 1);
  assert.equal(error?.error?.code, "INVALID_MESSAGE");
  assert.equal(ack?.request, 2);
  assert.equal(ack?.ack?.position?.offset, "1");
  stream.cancel();
  assert.equal((await endOf(stream))?.code, status.CANCELLED);
});

test("a conversation whose deadline passes ends with DEADLINE_EXCEEDED", async () => {
  const stream = client.Converse({ deadline: Date.now() + 300 });
  assert.equal((await endOf(stream))?.code, status.DEADLINE_EXCEEDED);
});
