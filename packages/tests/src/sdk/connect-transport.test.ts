import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { createWebSocketTransport } from "@confab/client/connect-transport";
import { createNodePlatform } from "@confab/client/node";
import { ChatService } from "@confab/contract/gen/confab/v1/chat_service_pb";
import { AvailableRangeSchema, type ClientFrameSchema } from "@confab/contract/gen/confab/v1/frame_pb";
import { BadRequestSchema } from "@confab/contract/gen/google/rpc/error_details_pb";
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { type ServerProcess, startServerProcess } from "../fixture/server-process.js";

type Frame = MessageInitShape<typeof ClientFrameSchema>;

/** Frames that answer what is heard: `next` is resolved with each, and with undefined for the end. */
function frameSource() {
  const queued: (Frame | undefined)[] = [];
  let wake: () => void = () => undefined;
  async function* frames(): AsyncGenerator<Frame> {
    for (;;) {
      if (queued.length === 0) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
      const frame = queued.shift();
      if (!frame) return;
      yield frame;
    }
  }
  return {
    frames: frames(),
    push: (frame: Frame | undefined) => {
      queued.push(frame);
      wake();
    },
  };
}

describe("a client that Connect generates, over WebSocket", () => {
  let server: ServerProcess;
  let transport: ReturnType<typeof createWebSocketTransport>;
  const chat = () => createClient(ChatService, transport);

  before(async () => {
    server = await startServerProcess();
    transport = createWebSocketTransport({ baseUrl: server.url, makeSocket: createNodePlatform().makeSocket });
  });
  after(async () => {
    transport.close();
    await server.stop();
  });

  it("streams both ways: subscribes, sends, hears itself, and ends in order after its requests have", async () => {
    const texts = Array.from({ length: 50 }, (_, index) => `${index}`);
    const heard: string[] = [];
    let acks = 0;
    const { frames, push } = frameSource();
    for await (const { frame } of chat().converse(frames)) {
      if (frame.case === "welcome")
        push({ request: 1, frame: { case: "subscribe", value: { reader: { room: "both" } } } });
      else if (frame.case === "subscribed")
        for (const [index, text] of texts.entries())
          push({ request: 2 + index, frame: { case: "send", value: { user: "ada", room: "both", text } } });
      else if (frame.case === "messages") heard.push(...frame.value.messages.map(({ text }) => text));
      else if (frame.case === "ack") acks++;
      if (acks === texts.length && heard.length === texts.length) push(undefined);
    }
    assert.deepEqual(heard, texts);
  });

  it("does every unary method", async () => {
    const payload = { typeUrl: "type.googleapis.com/shop.Order", value: new Uint8Array([8, 150, 1]) };
    const ack = await chat().sendMessage({ user: "ada", text: "hi", room: "unary", id: "one", payload });
    assert.deepEqual([ack.id, ack.position?.offset, ack.duplicate], ["one", 1n, false]);
    const { messages, newest } = await chat().getHistory({ room: "unary" });
    assert.deepEqual([messages[0]?.text, messages[0]?.payload?.value], ["hi", payload.value]);
    assert.deepEqual(newest, ack.position);
    assert.deepEqual(messages[0]?.sentAt, ack.sentAt);
    const { rooms } = await chat().listRooms({ prefix: "unary" });
    assert.deepEqual([rooms[0]?.name, rooms[0]?.messages, rooms[0]?.newest], ["unary", 1n, ack.position]);
    assert.equal((await chat().listMembers({ room: "unary" })).total, 0);
    await chat().sendSignal({ user: "ada", room: "unary", kind: "typing" });
  });

  it("streams a room from a position, says where it starts, and ends when it is aborted", async () => {
    const { position } = await chat().sendMessage({ user: "ada", text: "1", room: "read" });
    await chat().sendMessage({ user: "ada", text: "2", room: "read" });
    const controller = new AbortController();
    let header = new Headers();
    const onHeader = (fields: Headers) => {
      header = fields;
    };
    const texts: string[] = [];
    const request = { room: "read", ...(position && { after: position }) };
    await assert.rejects(
      async () => {
        for await (const { text } of chat().streamMessages(request, { signal: controller.signal, onHeader })) {
          texts.push(text);
          controller.abort();
        }
      },
      (error) => error instanceof ConnectError && error.code === Code.Canceled,
    );
    assert.deepEqual(texts, ["2"]);
    assert.equal(header.get("confab-position"), `${position?.epoch}:1`);
  });

  it("fails with the codes and details of any other transport", async () => {
    await assert.rejects(chat().sendMessage({ user: "", text: "hi" }), (error) => {
      assert.ok(error instanceof ConnectError);
      assert.equal(error.code, Code.InvalidArgument);
      assert.equal(error.findDetails(BadRequestSchema)[0]?.fieldViolations[0]?.field, "user");
      return true;
    });
    const { position } = await chat().sendMessage({ user: "ada", text: "1", room: "range" });
    const after = { epoch: position?.epoch ?? 0, offset: 9n };
    await assert.rejects(
      async () => {
        for await (const message of chat().streamMessages({ room: "range", after })) assert.fail(message.text);
      },
      (error) => {
        assert.ok(error instanceof ConnectError);
        assert.equal(error.code, Code.OutOfRange);
        assert.deepEqual(error.findDetails(AvailableRangeSchema)[0]?.newest, position);
        return true;
      },
    );
  });

  it("gives up a call whose timeout has passed", async () => {
    await assert.rejects(
      async () => {
        for await (const message of chat().streamMessages({ room: "quiet" }, { timeoutMs: 50 }))
          assert.fail(message.text);
      },
      (error) => error instanceof ConnectError && error.code === Code.DeadlineExceeded,
    );
  });

  it("says so when the server cannot be reached", async () => {
    const gone = createWebSocketTransport({
      baseUrl: "http://127.0.0.1:1",
      makeSocket: createNodePlatform().makeSocket,
    });
    const isUnavailable = (error: unknown) => error instanceof ConnectError && error.code === Code.Unavailable;
    await assert.rejects(createClient(ChatService, gone).sendMessage({ user: "a", text: "b" }), isUnavailable);
    await assert.rejects(async () => {
      for await (const frame of createClient(ChatService, gone).converse(frameSource().frames))
        assert.fail(frame.$typeName);
    }, isUnavailable);
    gone.close();
  });
});
