import assert from "node:assert/strict";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { create, fromBinary, fromJsonString, toBinary, toJsonString } from "@bufbuild/protobuf";
import { ClientFrameSchema, type ServerFrame, ServerFrameSchema } from "@confab/contract/gen/confab/v1/frame_pb";
import { type ChatMessage, ChatMessageSchema } from "@confab/contract/gen/confab/v1/message_pb";
import { type WebSocket, WebSocketServer } from "ws";
import { measureFanout } from "../fanout.js";

type Encode = (frame: ServerFrame) => string | Uint8Array;

const asJson: Encode = (frame) => toJsonString(ServerFrameSchema, frame);
const asProtobuf: Encode = (frame) => toBinary(ServerFrameSchema, frame);

/** A server of Confab's frames on the `ws` library: batches are one turn's messages. `answer` is its word on a subscribe. */
async function openFrameServer(answer: "subscribed" | "error") {
  const server = new WebSocketServer({ port: 0, host: "127.0.0.1", handleProtocols: ([first]) => first ?? false });
  const subscribers = new Map<WebSocket, Encode>();
  let turn: ChatMessage[] = [];

  function fanOut(): void {
    const frame = create(ServerFrameSchema, { frame: { case: "messages", value: { messages: turn } } });
    turn = [];
    for (const [subscriber, encode] of subscribers) subscriber.send(encode(frame));
  }

  server.on("connection", (socket) => {
    const encode = socket.protocol === "confab.v1.proto" ? asProtobuf : asJson;
    if (socket.protocol !== "")
      socket.send(encode(create(ServerFrameSchema, { frame: { case: "welcome", value: {} } })));
    socket.on("message", (bytes: Buffer, isBinary) => {
      if (socket.protocol === "") {
        if (turn.length === 0) setImmediate(fanOut);
        turn.push(fromJsonString(ChatMessageSchema, bytes.toString("utf8")));
        return;
      }
      const { request, frame } = isBinary
        ? fromBinary(ClientFrameSchema, bytes)
        : fromJsonString(ClientFrameSchema, bytes.toString("utf8"));
      assert.equal(frame.case, "subscribe");
      socket.send(encode(create(ServerFrameSchema, { request, frame: { case: answer, value: {} } })));
      subscribers.set(socket, encode);
      socket.ping();
    });
  });
  await once(server, "listening");
  return server;
}

/** The grace is long: no machine is slow enough to decide these tests. */
const load = {
  serverPid: process.pid,
  subscribers: 3,
  ratePerSecond: 1_000,
  warmUpMs: 50,
  measureMs: 200,
  graceMs: 20_000,
} as const;

for (const wire of ["ws-json", "ws-proto"] as const) {
  test(`${wire} subscribes and counts the messages inside batches`, async (context) => {
    const server = await openFrameServer("subscribed");
    let pongs = 0;
    server.on("connection", (socket) => socket.on("pong", () => (pongs += 1)));
    context.after(() => server.close());
    const result = await measureFanout({ ...load, wire, port: (server.address() as AddressInfo).port });
    assert.equal(result.delivered, 600);
    assert.equal(result.outOfOrder, 0);
    assert.equal(pongs, load.subscribers);
  });

  test(`${wire} fails with the server's error when a subscription is refused`, async (context) => {
    const server = await openFrameServer("error");
    context.after(() => server.close());
    const port = (server.address() as AddressInfo).port;
    await assert.rejects(measureFanout({ ...load, wire, port }), /answered with an error/);
  });
}

test("an upgrade that is refused fails with the status line", async (context) => {
  const server = new WebSocketServer({ port: 0, host: "127.0.0.1", path: "/elsewhere" });
  await once(server, "listening");
  context.after(() => server.close());
  const port = (server.address() as AddressInfo).port;
  await assert.rejects(measureFanout({ ...load, wire: "ws-plain", port }), /refused: HTTP\/1\.1 400/);
});
