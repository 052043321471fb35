import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { Sandbox } from "../../bench/sandbox.js";
import { type StartedTarget, startTarget } from "../../bench/targets/start-target.js";
import { createClientWire } from "../client/create-wire.js";
import { bindSample } from "../sample/bound-sample.js";
import { type TransportName, transportNames, transports } from "../transports.js";
import { type ByteFigures, measureBytes } from "./bytes.js";

const user = "ann";
const text = "what this message costs is worked out below, with a pencil and the specifications, byte by byte. 12345";
const room = "pencil";
/** Ids are the tag, and `-p` with one digit for messages that are not compressed. */
const tag = "t0001";
const idBytes = "t0001-p0".length;

/** A string field of Protobuf with a number below 16: tag, one byte of length up to 127, the characters. */
const stringField = (characters: number): number => 1 + 1 + characters;
const sentProtobuf =
  stringField(user.length) + stringField(text.length) + stringField(room.length) + stringField(idBytes);
const sentJson = `{"user":"${user}","text":"${text}","room":"${room}","id":"t0001-p0"}`.length;

/** A client's WebSocket frame (RFC 6455 §5.2): two bytes, two more for lengths from 126 on, four of mask. */
const clientFrame = (payload: number): number => 2 + (payload < 126 ? 0 : 2) + 4 + payload;
const serverFrame = (payload: number): number => 2 + (payload < 126 ? 0 : 2) + payload;
/** A chunk (RFC 9112 §7.1): its length in hexadecimal digits, CRLF, the bytes, CRLF. */
const chunk = (payload: number): number => payload.toString(16).length + 2 + payload + 2;
const envelope = 5;
const http2Header = 9;

interface Stored {
  readonly id: string;
  readonly position: { readonly epoch: number; readonly offset: string };
  readonly sentAt: string;
}

describe("the bytes that are counted are those of the specifications", () => {
  const sandbox = new Sandbox(false);
  const wireOf = (name: TransportName) => createClientWire(name, bindSample({ kind: "chat", user, text }));
  let server: StartedTarget;
  before(async () => {
    server = await startTarget(sandbox, "confab", "os");
  });
  after(async () => {
    await server.stop();
    sandbox.close();
  });

  async function measure(name: TransportName): Promise<{ readonly figures: ByteFigures; readonly stored: Stored[] }> {
    const ownRoom = `${room.slice(0, -1)}${Object.keys(transports).indexOf(name)}`;
    const job = { port: server.port, room: ownRoom, tag, offersCompression: false };
    const figures = await measureBytes(wireOf(name), job);
    const response = await fetch(`http://127.0.0.1:${server.port}/v1/rooms/${ownRoom}/messages?limit=50`);
    const { messages } = (await response.json()) as { messages: Stored[] };
    // The first message is counted apart.
    return { figures, stored: messages.slice(1) };
  }
  /** The digits of a position and a time differ from message to message: the middle one counts. */
  const middle = (values: number[]): number => values.toSorted((a, b) => a - b)[(values.length - 1) / 2] ?? 0;
  const deliveredJson = (message: Stored): number => JSON.stringify(message).length;

  it("WebSocket, plain JSON", async () => {
    const { figures, stored } = await measure("websocket");
    assert.equal(figures.steadySend.upBytes, clientFrame(sentJson));
    assert.equal(figures.steadySend.downBytes, 0, "a plain WebSocket acknowledges nothing");
    assert.equal(figures.steadySend.framingBytes, 8);
    assert.equal(figures.steadyReceive.upBytes, 0);
    assert.equal(figures.steadyReceive.downBytes, middle(stored.map((each) => serverFrame(deliveredJson(each)))));
  });

  it("WebSocket, Protobuf frames", async () => {
    const { figures } = await measure("websocket-proto");
    // ClientFrame: `request` is a tag and one byte, `send` a tag and a length of one byte up to 127, two from 128.
    const message = sentProtobuf;
    const frame = 2 + 1 + (message < 128 ? 1 : 2) + message;
    assert.equal(figures.steadySend.upBytes, clientFrame(frame));
  });

  it("gRPC: HEADERS whose fields are all in the tables, then DATA", async () => {
    const { figures, stored } = await measure("grpc");
    // :method, :scheme, :path, :authority, content-type, te: one byte each (RFC 7541 §6.1).
    assert.equal(figures.steadySend.upBytes, http2Header + 6 + http2Header + envelope + sentProtobuf);
    assert.ok(figures.firstSend.headBytes > figures.steadySend.headBytes, "the first request spells its fields out");
    assert.equal(figures.steadyReceive.upBytes, 0);
    const delivered = stored.map((each) => http2Header + envelope + sentProtobuf + positionAndTime(each));
    assert.equal(figures.steadyReceive.downBytes, middle(delivered));
  });

  it("gRPC-Web by HTTP/1.1: the request's text and an envelope", async () => {
    const { figures, stored } = await measure("grpc-web");
    const head = [
      "POST /confab.v1.ChatService/SendMessage HTTP/1.1",
      "host: 127.0.0.1",
      "content-type: application/grpc-web+proto",
      "x-grpc-web: 1",
      `content-length: ${envelope + sentProtobuf}`,
      "",
      "",
    ].join("\r\n");
    assert.equal(figures.steadySend.upBytes, head.length + envelope + sentProtobuf);
    const delivered = stored.map((each) => chunk(envelope + sentProtobuf + positionAndTime(each)));
    assert.equal(figures.steadyReceive.downBytes, middle(delivered));
  });

  it("Connect JSON: the request's text and the message as it is", async () => {
    const { figures } = await measure("connect-json");
    const head = [
      "POST /confab.v1.ChatService/SendMessage HTTP/1.1",
      "host: 127.0.0.1",
      "content-type: application/json",
      "connect-protocol-version: 1",
      `content-length: ${sentJson}`,
      "",
      "",
    ].join("\r\n");
    assert.equal(figures.steadySend.upBytes, head.length + sentJson);
    assert.equal(figures.steadySend.framingBytes, 0);
  });

  it("SSE: an event in a chunk", async () => {
    const { figures, stored } = await measure("sse");
    const event = (each: Stored): number =>
      `id: ${each.position.epoch}:${each.position.offset}\ndata: \n\n`.length + deliveredJson(each);
    assert.equal(figures.steadyReceive.downBytes, middle(stored.map((each) => chunk(event(each)))));
    assert.equal(figures.steadyReceive.bodyBytes, middle(stored.map(deliveredJson)));
  });

  for (const name of transportNames) {
    it(`${name}: a message of several reads and frames arrives whole`, async () => {
      const long = bindSample({ kind: "chat", user, text: "long ".repeat(10_000) });
      const job = {
        port: server.port,
        room: `long-${name}`,
        tag,
        offersCompression: transports[name].compression === "requests",
      };
      const { steadyReceive, compressedSend } = await measureBytes(createClientWire(name, long), job);
      assert.ok(steadyReceive.bodyBytes > 50_000 && steadyReceive.framingBytes < 200);
      assert.ok(compressedSend === undefined || compressedSend.upBytes < 1_000, "this text repeats itself");
    });
  }

  /** What the server adds to a ChatMessage: `position` (fixed32 and varint) and `sent_at` (two varints). */
  function positionAndTime({ position, sentAt }: Stored): number {
    const offset = varintBytes(Number(position.offset));
    const at = new Date(sentAt).getTime();
    const nanos = (at % 1000) * 1_000_000;
    const time = 1 + varintBytes(Math.floor(at / 1000)) + (nanos === 0 ? 0 : 1 + varintBytes(nanos));
    return 2 + (1 + 4) + (1 + offset) + 2 + time;
  }
  function varintBytes(value: number): number {
    return value < 128 ? 1 : 1 + varintBytes(Math.floor(value / 128));
  }
});
