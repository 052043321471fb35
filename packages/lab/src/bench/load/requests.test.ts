import assert from "node:assert/strict";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { type TestContext, test } from "node:test";
import { create, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { ClientFrameSchema, ServerFrameSchema } from "@confab/contract/gen/confab/v1/frame_pb";
import { WebSocketServer } from "ws";
import { Sandbox } from "../sandbox.js";
import { startTarget } from "../targets/start-target.js";
import { measureRequests } from "./requests.js";

/** Where a failure ends the load, no machine is slow enough to decide the test. */
const longMs = 30_000;
const load = { connections: 2, inFlightPerConnection: 3, durationMs: 1_000 } as const;

for (const [target, wire] of [
  ["floor", "floor"],
  ["socket-io", "socket-io"],
] as const) {
  test(`requests to the bench's own ${target} are counted when they are answered`, async (context) => {
    const sandbox = new Sandbox(false);
    context.after(() => sandbox.close());
    const { port } = await startTarget(sandbox, target);
    const result = await measureRequests({ ...load, wire, port });
    assert.ok(result.calls > 0, `${result.calls} calls`);
    assert.ok((result.p50Us ?? 0) > 0);
  });
}

/** A stream that acknowledges publications; `answer` gives the texts for the n-th one. */
async function openNats(context: TestContext, answer: (nth: number) => readonly string[]): Promise<number> {
  const server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
  let publications = 0;
  server.on("connection", (socket) => {
    socket.on("message", (bytes: Buffer) => {
      const text = bytes.toString("latin1");
      if (text.includes("PING\r\n")) socket.send(Buffer.from("PONG\r\n"));
      const inbox = /^PUB bench (\S+) /.exec(text)?.[1];
      if (inbox === undefined) return;
      const acks = answer(publications).map((ack) => `MSG ${inbox} 1 ${ack.length}\r\n${ack}\r\n`);
      publications += 1;
      socket.send(Buffer.from(acks.join("")));
    });
  });
  await once(server, "listening");
  context.after(() => {
    for (const socket of server.clients) socket.terminate();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

const ack = '{"stream":"bench","seq":1}';

test("publications are counted when the stream has acknowledged them", async (context) => {
  const port = await openNats(context, () => [ack]);
  assert.ok((await measureRequests({ ...load, wire: "nats-stream", port })).calls > 0);
});

test("an acknowledgement that comes twice fails the load", async (context) => {
  const port = await openNats(context, (nth) => (nth === 4 ? [ack, ack] : [ack]));
  await assert.rejects(
    measureRequests({ ...load, durationMs: longMs, wire: "nats-stream", port }),
    /was answered and is not waiting/,
  );
});

test("a publication that the stream refuses fails the load", async (context) => {
  const refusal = '{"error":{"code":503},"stream":"bench","seq":0}';
  const port = await openNats(context, (nth) => [nth === 4 ? refusal : ack]);
  await assert.rejects(measureRequests({ ...load, durationMs: longMs, wire: "nats-stream", port }), /"code":503/);
});

test("a stream that answers nothing fails the load", async (context) => {
  const port = await openNats(context, () => []);
  await assert.rejects(measureRequests({ ...load, wire: "nats-stream", port }), /nothing was answered/);
});

test("Confab's acknowledgements are matched by request numbers of every length, and an error fails the load", async (context) => {
  let sends = 0;
  const server = new WebSocketServer({ port: 0, host: "127.0.0.1", handleProtocols: ([first]) => first ?? false });
  server.on("connection", (socket) => {
    const say = (frame: MessageInitShape<typeof ServerFrameSchema>) =>
      socket.send(toBinary(ServerFrameSchema, create(ServerFrameSchema, frame)));
    say({ frame: { case: "welcome", value: {} } });
    socket.on("message", (bytes: Buffer) => {
      const { request, frame } = fromBinary(ClientFrameSchema, bytes);
      assert.equal(frame.case, "send");
      sends += 1;
      if (sends <= answered) say({ request, frame: { case: "ack", value: {} } });
      else say({ request, frame: { case: "error", value: { message: "no more" } } });
    });
  });
  await once(server, "listening");
  context.after(() => {
    for (const socket of server.clients) socket.terminate();
    server.close();
  });
  // Numbers of one byte and of two.
  const answered = 1_000;
  const port = (server.address() as AddressInfo).port;
  await assert.rejects(measureRequests({ ...load, durationMs: longMs, wire: "ws-proto", port }), /no more/);
});
