import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { create, fromBinary, toBinary, toJsonString } from "@bufbuild/protobuf";
import {
  type ChatMessage,
  ChatMessageSchema,
  SendMessagesRequestSchema,
} from "@confab/contract/gen/confab/v1/message_pb";
import { GetHistoryRequestSchema, GetHistoryResponseSchema } from "@confab/contract/gen/confab/v1/room_pb";
import { type ServerProcess, startServerProcess } from "../fixture/server-process.js";
import { type RawSender, rawBatchSenders, rawSenders } from "../parity/raw-senders.js";
import { rawListeners } from "./raw-listeners.js";

const messagesPerSender = 25;
const room = "matrix";

describe("messages sent on every transport at once", () => {
  let server: ServerProcess;
  before(async () => {
    server = await startServerProcess();
  });
  after(() => server.stop());

  it("are heard on every transport: all of them, whole, once, and in the same order", async () => {
    // The room has to exist before its subscribers can be counted.
    await rawSenders[0]?.send(server.url, encodedMessage("proto", "the host", "welcome"));
    const users = [...rawSenders.map(({ name }) => name), ...rawBatchSenders.map(userOfBatch)];
    const total = users.length * messagesPerSender;
    const heard = rawListeners.map((): ChatMessage[] => []);
    let complete = 0;
    let allHeard: (() => void) | undefined;
    const everybodyHasHeard = new Promise<void>((resolve) => {
      allHeard = resolve;
    });
    const hangUps = rawListeners.map(({ listen }, index) =>
      listen(server.url, { room }, (message) => {
        const mine = heard[index] ?? [];
        mine.push(message);
        if (mine.length === total && ++complete === rawListeners.length) allHeard?.();
      }),
    );
    await subscribers(server.url, rawListeners.length);

    await Promise.all([...rawSenders.map(sendEach), ...rawBatchSenders.map(sendTogether)]);
    await everybodyHasHeard;
    for (const hangUp of hangUps) hangUp();

    const history = await wholeHistory(server.url, total);
    assert.deepEqual(
      history.map(({ offset }) => offset),
      Array.from({ length: total }, (_, index) => index + 2),
    );
    for (const [index, { name }] of rawListeners.entries()) assert.deepEqual(heard[index]?.map(essence), history, name);
    // Each sender waited for each of its messages to be stored, or sent them together, so the room has them in that order.
    for (const name of users) {
      const texts = history.filter(({ user }) => user === name).map(({ text }) => text);
      assert.deepEqual(
        texts,
        Array.from({ length: messagesPerSender }, (_, index) => textOf(index)),
        name,
      );
    }
  });

  async function sendTogether(sender: RawSender): Promise<void> {
    const { name, format, send } = sender;
    const user = userOfBatch(sender);
    const messages = Array.from({ length: messagesPerSender }, (_, index) => ({ user, text: textOf(index) }));
    const request = create(SendMessagesRequestSchema, { room, messages });
    const bytes =
      format === "proto"
        ? toBinary(SendMessagesRequestSchema, request)
        : Buffer.from(toJsonString(SendMessagesRequestSchema, request));
    assert.equal(await send(server.url, bytes), "stored", `${name}, batch`);
  }

  async function sendEach({ name, format, send }: RawSender): Promise<void> {
    for (let index = 0; index < messagesPerSender; index++) {
      assert.equal(
        await send(server.url, encodedMessage(format, name, textOf(index))),
        "stored",
        `${name}, message ${index}`,
      );
    }
  }
});

function userOfBatch({ name }: RawSender): string {
  return `${name}, together`;
}

/** Text that every format has to escape, count or encode in another way. */
function textOf(index: number): string {
  return `${index} "quoted" \\ \n\t\u0007 é 漢 🌍 ${"x".repeat(index * 7)}`;
}

function encodedMessage(format: "proto" | "json", user: string, text: string): Uint8Array {
  const message = create(ChatMessageSchema, { user, text, room });
  return format === "proto"
    ? toBinary(ChatMessageSchema, message)
    : Buffer.from(toJsonString(ChatMessageSchema, message));
}

interface Essence {
  readonly user: string;
  readonly text: string;
  readonly room: string;
  readonly id: string;
  readonly epoch: number;
  readonly offset: number;
  readonly sentAt: string;
}

function essence({ user, text, room: name, id, position, sentAt }: ChatMessage): Essence {
  return {
    user,
    text,
    room: name,
    id,
    epoch: position?.epoch ?? 0,
    offset: Number(position?.offset),
    sentAt: `${sentAt?.seconds}.${sentAt?.nanos}`,
  };
}

/** Wait until so many subscriptions are open in the room. */
async function subscribers(url: string, wanted: number): Promise<void> {
  for (;;) {
    const { rooms } = (await (await fetch(`${url}/v1/rooms?prefix=${room}`)).json()) as {
      rooms: { subscribers?: number }[];
    };
    if (rooms[0]?.subscribers === wanted) return;
    await new Promise(setImmediate);
  }
}

/** The newest `limit` messages. */
async function wholeHistory(url: string, limit: number): Promise<Essence[]> {
  const response = await fetch(`${url}/confab.v1.ChatService/GetHistory`, {
    method: "POST",
    headers: { "content-type": "application/proto" },
    body: Buffer.from(toBinary(GetHistoryRequestSchema, create(GetHistoryRequestSchema, { room, limit }))),
  });
  return fromBinary(GetHistoryResponseSchema, Buffer.from(await response.arrayBuffer())).messages.map(essence);
}
