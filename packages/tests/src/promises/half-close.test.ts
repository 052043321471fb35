import assert from "node:assert/strict";
import { once } from "node:events";
import { after, before, describe, it } from "node:test";
import { create, toBinary, toJsonString } from "@bufbuild/protobuf";
import { EnvelopeReader, enveloped } from "@confab/contract";
import { type ClientFrame, ClientFrameSchema } from "@confab/contract/gen/confab/v1/frame_pb";
import { WebSocket } from "ws";
import { type ServerProcess, startServerProcess } from "../fixture/server-process.js";
import { base64Decoded, frameWithoutDetails, tooLong } from "../parity/raw-clients.js";
import { type OpenByteStream, overHttp1, overHttp2 } from "./byte-stream.js";

// A client that says all it has to say in one go and is done: what it asked for is still done, and what it was promised is
// still sent.

/** A kilobyte each, so that the history is several pages of the log and more than a socket takes at once. */
const historyCount = 900;
const text = "x".repeat(1_000);

const roads: readonly (readonly [contentType: string, open: OpenByteStream, version: string])[] = [
  ["application/grpc+proto", overHttp2, "HTTP/2"],
  ["application/connect+json", overHttp2, "HTTP/2"],
  ["application/grpc-web+proto", overHttp2, "HTTP/2"],
  ["application/connect+proto", overHttp1, "HTTP/1.1"],
  ["application/grpc-web-text+proto", overHttp1, "HTTP/1.1"],
];

describe("a client that ends its side at once", () => {
  let server: ServerProcess;
  before(async () => {
    server = await startServerProcess();
    const socket = new WebSocket(`${server.url.replace("http", "ws")}/chat`, "confab.v1.json");
    await once(socket, "open");
    const stored = new Promise<void>((resolve) => {
      let acks = 0;
      socket.on("message", (data: Buffer) => {
        if (data.includes('"ack"') && ++acks === historyCount) resolve();
      });
    });
    for (let index = 1; index <= historyCount; index++)
      socket.send(JSON.stringify({ request: index, send: { user: "ann", room: "long", text } }));
    await stored;
    socket.terminate();
  });
  after(() => server.stop());

  for (const [contentType, open, version] of roads) {
    it(`gets every answer and the whole history of its subscription: ${contentType} over ${version}`, async () => {
      const isJson = contentType.endsWith("json");
      const room = `own-${contentType.replaceAll(/[^a-z]/g, "-")}-${version.at(-1)}`;
      const frames: Parameters<typeof create<typeof ClientFrameSchema>>[1][] = [
        { request: 1, frame: { case: "subscribe", value: { reader: { room: "long", history: historyCount } } } },
        { request: 2, frame: { case: "history", value: { room: "long", limit: 3 } } },
        { request: 3, frame: { case: "send", value: { user: "bob", room, text: "1" } } },
        { request: 4, frame: { case: "send", value: { user: "bob", room, text: "2" } } },
      ];
      const envelopes = frames.map((frame) => enveloped(0, encoded(create(ClientFrameSchema, frame), isJson)));
      const body = await wholeAnswer(open, server.url, contentType, Buffer.concat(envelopes));
      const seen = { answers: new Set<number>(), offsets: [] as number[], page: 0 };
      const reader = new EnvelopeReader(
        tooLong,
        (flags, bytes) => {
          if (flags !== 0) return;
          const { request, frame } = frameWithoutDetails(Buffer.from(bytes), !isJson);
          assert.notEqual(frame.case, "error");
          if (request !== 0) seen.answers.add(request);
          if (frame.case === "history") seen.page = frame.value.messages.length;
          if (frame.case === "messages")
            for (const { position } of frame.value.messages) seen.offsets.push(Number(position?.offset));
        },
        () => assert.fail("an envelope without end"),
      );
      reader.push(body);
      assert.ok(reader.isAtBoundary);
      assert.deepEqual([...seen.answers].sort(), [1, 2, 3, 4]);
      assert.equal(seen.page, 3);
      assert.deepEqual(
        seen.offsets,
        Array.from({ length: historyCount }, (_, index) => index + 1),
      );
    });
  }

  for (const subprotocol of [undefined, "confab.v1.json", "confab.v1.proto"]) {
    it(`has everything stored that it sent before its close frame: WebSocket, ${subprotocol ?? "plain"}`, async () => {
      const room = `closed-${subprotocol ?? "plain"}`;
      const socket = new WebSocket(`${server.url.replace("http", "ws")}/chat`, subprotocol ?? []);
      await once(socket, "open");
      // More than may be unanswered at once: the server stops reading before it comes to the close frame.
      const count = 1_500;
      for (let index = 1; index <= count; index++) {
        const message = { user: "ann", room, text: `${index}` };
        const frame = create(ClientFrameSchema, { request: index, frame: { case: "send", value: message } });
        if (subprotocol === undefined) socket.send(JSON.stringify(message));
        else socket.send(encoded(frame, subprotocol.endsWith("json")), { binary: subprotocol.endsWith("proto") });
      }
      socket.close(1000);
      const [code] = (await once(socket, "close")) as [number];
      assert.equal(code, 1000);
      // The last of them may still be on their way to the disk.
      for (;;) {
        const answer = await fetch(`${server.url}/v1/rooms/${room}/messages?limit=1`);
        const { messages = [] } = (await answer.json()) as {
          messages?: { text: string; position: { offset: string } }[];
        };
        if (messages[0]?.position.offset !== `${count}`) continue;
        assert.equal(messages[0].text, `${count}`);
        return;
      }
    });
  }
});

function encoded(frame: ClientFrame, isJson: boolean): Buffer {
  return Buffer.from(isJson ? toJsonString(ClientFrameSchema, frame) : toBinary(ClientFrameSchema, frame));
}

/** The body of a Converse whose request ends with its first bytes. */
async function wholeAnswer(open: OpenByteStream, url: string, contentType: string, frames: Buffer): Promise<Buffer> {
  const isText = contentType.includes("-text");
  const chunks: Buffer[] = [];
  return new Promise((resolve) => {
    const stream = open(
      {
        url,
        method: "POST",
        path: "/confab.v1.ChatService/Converse",
        headers: { "content-type": contentType, te: "trailers" },
        body: isText ? Buffer.from(frames.toString("base64")) : frames,
      },
      {
        head: ({ ":status": status }) => assert.equal(status, 200),
        data: (chunk) => chunks.push(chunk),
        ended: (trailers) => {
          stream.close();
          if (contentType.startsWith("application/grpc+")) assert.equal(trailers["grpc-status"], "0");
          const body = Buffer.concat(chunks);
          resolve(isText ? base64Decoded(body.toString("latin1")) : body);
        },
      },
    );
  });
}
