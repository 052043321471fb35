import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { ChatService } from "@confab/contract/gen/confab/v1/chat_service_pb";
import type { ClientFrameSchema } from "@confab/contract/gen/confab/v1/frame_pb";
import { createClient } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport, createGrpcWebTransport } from "@connectrpc/connect-node";
import { type ServerProcess, startServerProcess } from "../fixture/server-process.js";

// `@connectrpc/connect-node` on the bidi stream, and by GET.

type Frame = MessageInitShape<typeof ClientFrameSchema>;

let server: ServerProcess;

before(async () => {
  server = await startServerProcess();
});

after(() => server.stop());

/** A request stream that is written to, one frame at a time, and ended. */
function frameQueue() {
  const waiting: Frame[] = [];
  let wake: (() => void) | undefined;
  let isEnded = false;
  async function* frames(): AsyncGenerator<Frame> {
    for (;;) {
      const frame = waiting.shift();
      if (frame) yield frame;
      else if (isEnded) return;
      else {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    }
  }
  return {
    frames: frames(),
    push: (frame: Frame) => {
      waiting.push(frame);
      wake?.();
    },
    end: () => {
      isEnded = true;
      wake?.();
    },
  };
}

const transports = [true, false].flatMap((useBinaryFormat) => {
  const format = useBinaryFormat ? "proto" : "json";
  const options = () => ({ baseUrl: server.url, httpVersion: "2" as const, useBinaryFormat });
  return [
    { name: `gRPC in ${format}`, connect: () => createGrpcTransport(options()) },
    { name: `Connect in ${format}`, connect: () => createConnectTransport(options()) },
    { name: `gRPC-Web in ${format}`, connect: () => createGrpcWebTransport(options()) },
  ];
});

for (const [index, { name, connect }] of transports.entries()) {
  describe(name, () => {
    test("one stream subscribes, sends, hears itself and ends in order after its half-close", async () => {
      const room = `talk-${index}`;
      const { frames, push, end } = frameQueue();
      const heard: string[] = [];
      const acks: string[] = [];
      const texts = Array.from({ length: 50 }, (_, index) => `${index}`);
      for await (const { request, frame } of createClient(ChatService, connect()).converse(frames)) {
        if (frame.case === "welcome") {
          push({ request: 1, frame: { case: "subscribe", value: { reader: { name: "ada", room } } } });
        } else if (frame.case === "subscribed") {
          assert.equal(frame.value.position?.offset, 0n);
          for (const [index, text] of texts.entries()) {
            push({ request: 2 + index, frame: { case: "send", value: { user: "ada", room, text } } });
          }
        } else if (frame.case === "messages") {
          heard.push(...frame.value.messages.map(({ text }) => text));
        } else if (frame.case === "ack") {
          acks.push(`${request} ${frame.value.position?.offset}`);
        } else {
          assert.fail(`unexpected frame: ${frame.case}`);
        }
        if (heard.length === texts.length && acks.length === texts.length) end();
      }
      assert.deepEqual(heard, texts);
      assert.deepEqual(
        acks,
        texts.map((_, index) => `${2 + index} ${index + 1}`),
      );
    });
  });
}

for (const httpVersion of ["1.1", "2"] as const) {
  for (const useBinaryFormat of [true, false]) {
    test(`calls without side effects go by GET: ${useBinaryFormat ? "proto" : "json"}, HTTP/${httpVersion}`, async () => {
      const transport = createConnectTransport({ baseUrl: server.url, httpVersion, useBinaryFormat, useHttpGet: true });
      const client = createClient(ChatService, transport);
      // The client does not show its verb; but only the answer to a GET says how it may be cached.
      const caching: (string | null)[] = [];
      const onHeader = (headers: Headers) => void caching.push(headers.get("cache-control"));
      const room = `get-${httpVersion}-${useBinaryFormat}`;
      await client.sendMessage({ user: "ada", room, text: "grüß dich, Wörld?&=" }, { onHeader });
      const { messages } = await client.getHistory({ room }, { onHeader });
      assert.deepEqual(
        messages.map(({ text }) => text),
        ["grüß dich, Wörld?&="],
      );
      assert.deepEqual(caching, [null, "no-store"]);
    });
  }
}
