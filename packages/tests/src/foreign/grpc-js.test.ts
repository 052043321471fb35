import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { compressionAlgorithms, type ServiceError, status } from "@grpc/grpc-js";
import { startRelay } from "../fixture/relay.js";
import { type ServerProcess, startServerProcess } from "../fixture/server-process.js";
import {
  type ChatClient,
  chatClient,
  endOf,
  healthClient,
  startOf,
  take,
  unary,
  unknownUnary,
} from "./grpc-js-client.js";
import { shownDetails, userIsMissing } from "./status-details.js";

// `@grpc/grpc-js` with the whole contract: its unary calls and its server streams. Converse has a file of its own.

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

const send = (message: object, through = client) => unary(through, through.SendMessage, { user: "ada", ...message });

async function subscribersOf(room: string): Promise<number | undefined> {
  const { rooms } = await unary(client, client.ListRooms, { prefix: room });
  return rooms.find(({ name }) => name === room)?.subscribers;
}

/** The server learns of a cancelled stream a moment after the client has ended it. */
async function untilNobodyReads(room: string): Promise<void> {
  const giveUpAtMs = Date.now() + 10_000;
  while ((await subscribersOf(room)) !== 0) assert.ok(Date.now() < giveUpAtMs, `${room} still has a subscriber`);
}

test("grpc-js hears in order what it sends, with the acknowledged positions", async () => {
  const room = "order";
  const stream = client.StreamMessages({ name: "bob", room });
  const [epoch] = (await startOf(stream)).split(":");
  const acks = await Promise.all(Array.from({ length: 200 }, (_, index) => send({ room, text: `${index}` })));
  const heard = await take(stream, acks.length);
  assert.deepEqual(
    heard.map(({ position }) => `${position?.epoch}:${position?.offset}`),
    heard.map((_, index) => `${epoch}:${index + 1}`),
  );
  for (const [index, ack] of acks.entries()) {
    assert.equal(heard[Number(ack.position?.offset) - 1]?.text, `${index}`);
  }
  stream.cancel();
  await endOf(stream);
});

test("grpc-js resumes after a position it was given", async () => {
  const room = "resume";
  const first = await send({ room, text: "one" });
  await send({ room, text: "two" });
  const stream = client.StreamMessages({ name: "bob", room, after: first.position });
  assert.equal(await startOf(stream), `${first.position?.epoch}:1`);
  assert.deepEqual(
    (await take(stream, 1)).map(({ text }) => text),
    ["two"],
  );
  stream.cancel();
  await endOf(stream);
});

test("two hundred calls at once on one channel are all answered", async () => {
  const room = "crowd";
  const acks = await Promise.all(
    Array.from({ length: 200 }, (_, index) => send({ room, text: `${index}`, id: `id-${index}` })),
  );
  assert.deepEqual(new Set(acks.map(({ id }) => id)).size, 200);
  assert.deepEqual(
    acks.map(({ position }) => Number(position?.offset)).sort((a, b) => a - b),
    acks.map((_, index) => index + 1),
  );
});

test("a repeated id is answered to grpc-js with the first position", async () => {
  const message = { room: "dedupe", text: "once", id: "the-same" };
  const first = await send(message);
  const second = await send(message);
  assert.deepEqual([first.duplicate, second.duplicate], [false, true]);
  assert.deepEqual(second.position, first.position);
});

test("grpc-js is told which field of a message is wrong", async () => {
  await assert.rejects(send({ user: "", text: "who am I" }), (error: ServiceError) => {
    assert.equal(error.code, status.INVALID_ARGUMENT);
    assert.deepEqual(shownDetails(error.metadata.get("grpc-status-details-bin")[0]), userIsMissing);
    return true;
  });
});

test("a message over the limit is RESOURCE_EXHAUSTED for grpc-js, and the channel goes on", async () => {
  await assert.rejects(send({ room: "big", text: "x".repeat(1_000_000) }), { code: status.RESOURCE_EXHAUSTED });
  assert.equal((await send({ room: "big", text: "small" })).position?.offset, "1");
});

test("a method that does not exist is UNIMPLEMENTED for grpc-js", async () => {
  await assert.rejects(unknownUnary(client, "/confab.v1.ChatService/Nothing"), { code: status.UNIMPLEMENTED });
});

test("a stream whose deadline passes ends with DEADLINE_EXCEEDED and leaves no subscription", async () => {
  const room = "deadline";
  await send({ room, text: "makes the room" });
  const stream = client.StreamMessages({ name: "bob", room }, { deadline: Date.now() + 300 });
  assert.equal((await endOf(stream))?.code, status.DEADLINE_EXCEEDED);
  // The server has its own clock for the deadline, and the client may have been the first to see it.
  await untilNobodyReads(room);
});

test("a stream that grpc-js cancels leaves no subscription", async () => {
  const room = "cancel";
  await send({ room, text: "makes the room" });
  const stream = client.StreamMessages({ name: "bob", room });
  await startOf(stream);
  assert.equal(await subscribersOf(room), 1);
  stream.cancel();
  assert.equal((await endOf(stream))?.code, status.CANCELLED);
  await untilNobodyReads(room);
});

test("grpc-js sends and receives gzip", async (t) => {
  const relay = await startRelay(server.port);
  const zipped = chatClient(relay.port, { "grpc.default_compression_algorithm": compressionAlgorithms.gzip });
  t.after(async () => {
    zipped.close();
    await relay.close();
  });
  const room = "gzip";
  const text = "the same again ".repeat(2_000);
  await send({ room, text }, zipped);
  assert.ok(relay.sentBytes < text.length / 10, `${relay.sentBytes} bytes were sent`);
  const { messages } = await unary(zipped, zipped.GetHistory, { room });
  assert.deepEqual(
    messages.map((message) => message.text),
    [text],
  );
  assert.ok(relay.receivedBytes < text.length / 10, `${relay.receivedBytes} bytes were received`);
});

test("grpc-js sees a healthy server, by Check and by Watch", async (t) => {
  const health = healthClient(server.port);
  t.after(() => health.close());
  const check = (service: string) => unary(health, health.Check, { service });
  assert.equal((await check("")).status, "SERVING");
  assert.equal((await check("confab.v1.ChatService")).status, "SERVING");
  await assert.rejects(check("nothing"), { code: status.NOT_FOUND });
  const watch = health.Watch({ service: "" });
  assert.deepEqual(await take(watch, 1), [{ status: "SERVING" }]);
  watch.cancel();
  await endOf(watch);
});
