import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { type TestContext, test } from "node:test";
import { chatText, deliveredProtobuf } from "./chat-text.js";
import { readLog } from "./read-log.js";
import { RedisLog } from "./redis-log.js";
import {
  type Fault,
  faults,
  type KeepingServer,
  openKeepingFloor,
  openKeepingNats,
  openKeepingNchan,
} from "./testing/keeping-server.js";
import { createResumeWire } from "./wires/create-resume-wire.js";
import type { ResumeWireName } from "./wires/wire.js";

const messages = 2_500;
/** No machine is slow enough to decide these tests. */
const timeoutMs = 30_000;

const servers: readonly (readonly [ResumeWireName, (fault: Fault) => Promise<KeepingServer>])[] = [
  ["floor-grpc", openKeepingFloor],
  ["nchan", openKeepingNchan],
  ["nats-stream", openKeepingNats],
];

for (const [name, open] of servers) {
  async function read(context: TestContext, fault: Fault, isChecked: boolean): Promise<void> {
    const server = await open(fault);
    context.after(() => server.close());
    // Where one is lost there is one more: the number is right, and the last one is another.
    const published = fault === faults["loses a message"] ? messages + 1 : messages;
    for (let i = 0; i < published; i += 1) server.publish();
    await readLog(createResumeWire(name), { port: server.port, messages, timeoutMs, isChecked });
  }

  test(`a whole log is read by ${name}, looked at or counted`, async (context) => {
    await read(context, faults.none, true);
    await read(context, faults.none, false);
  });

  for (const fault of ["loses a message", "repeats a message"] as const) {
    test(`reading from a server that ${fault} by ${name} fails, looked at or counted`, async (context) => {
      await assert.rejects(read(context, faults[fault], true), /came where \d+ was due/);
      await assert.rejects(read(context, faults[fault], false), /the last of \d+ is number \d+/);
    });
  }
}

/** A Redis that knows XRANGE of the entries 1-0, 2-0 … of which one may be missing; it answers in pieces of an odd length. */
async function openRedis(context: TestContext, missing?: number): Promise<number> {
  const sockets = new Set<Socket>();
  const bulk = (bytes: Uint8Array) => Buffer.concat([Buffer.from(`$${bytes.length}\r\n`), bytes, Buffer.from("\r\n")]);
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("data", (command) => {
      const after = Number(/\((\d+)-0/.exec(command.toString("latin1"))?.[1]);
      const ids = Array.from({ length: messages - after }, (_, index) => after + 1 + index);
      const page = ids.filter((id) => id !== missing).slice(0, 1_000);
      const entries = page.flatMap((id) => [
        Buffer.from("*2\r\n"),
        bulk(Buffer.from(`${id}-0`)),
        Buffer.from("*2\r\n$1\r\nb\r\n"),
        bulk(deliveredProtobuf(chatText(id - 1, 0))),
      ]);
      const reply = Buffer.concat([Buffer.from(`*${page.length}\r\n`), ...entries]);
      for (let at = 0; at < reply.length; at += 9_973) socket.write(reply.subarray(at, at + 9_973));
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  context.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

test("a stream of Redis is read by pages, more than once", async (context) => {
  const log = new RedisLog(await openRedis(context), messages);
  context.after(() => log.close());
  await log.read(true);
  await log.read(false);
});

test("a page of Redis that lacks an entry fails the reading, looked at or counted", async (context) => {
  for (const isChecked of [true, false]) {
    const log = new RedisLog(await openRedis(context, 1_500), messages);
    context.after(() => log.close());
    await assert.rejects(
      log.read(isChecked),
      isChecked ? /message 1500 came where 1499 was due/ : /where 1999 was due/,
    );
  }
});
