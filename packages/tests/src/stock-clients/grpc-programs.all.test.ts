import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { type TestContext, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { create, type DescMessage, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { connect } from "@confab/client/node";
import { ChatMessageSchema, UserSchema } from "@confab/contract/gen/confab/v1/message_pb";
import {
  GetHistoryRequestSchema,
  type GetHistoryResponse,
  GetHistoryResponseSchema,
} from "@confab/contract/gen/confab/v1/room_pb";
import { type ServerProcess, startServerProcess } from "../fixture/server-process.js";
import { requirePart } from "../optional-parts.js";
import { assertWholeRoom, fillLargeRoom, largeRoom } from "./testing/large-room.js";

/** How often the server is asked whether the reader has come, in milliseconds. */
const pollMs = 50;

// Clients in other languages, as programs in tools that make one call for each line of JSON.

type Command = readonly [program: string, ...args: string[]];

interface StockClient {
  readonly name: string;
  /** Undefined: the test is skipped. */
  command(t: TestContext): Command | undefined;
}

interface Outcome {
  readonly Code: string;
  readonly Message: string;
  /** Base64. */
  readonly Messages: readonly string[];
}

const clients: readonly StockClient[] = [
  {
    name: "grpc-go",
    command: (t) => {
      const program = requirePart(t, "go-client");
      return program === undefined ? undefined : [program];
    },
  },
  {
    name: "grpc-java",
    command: (t) => {
      const folder = requirePart(t, "java-client");
      return folder === undefined
        ? undefined
        : ["java", "-cp", join(folder, "lib/*"), join(folder, "StockClient.java")];
    },
  },
];

/** A client that runs until the test ends: Java needs seconds to start. */
function start(t: TestContext, [program, ...args]: Command, { port }: ServerProcess) {
  const child = spawn(program, [...args, `127.0.0.1:${port}`], { stdio: ["pipe", "pipe", "inherit"] });
  const ended = once(child, "close");
  t.after(async () => {
    child.kill("SIGKILL");
    await ended;
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();

  /** Make a call after the one before. @param messages how many to read of a stream that does not end. */
  return async <Desc extends DescMessage>(
    method: string,
    schema: Desc,
    init: MessageInitShape<Desc>,
    messages = 0,
  ): Promise<readonly Buffer[]> => {
    const request = Buffer.from(toBinary(schema, create(schema, init))).toString("base64");
    const made = { Method: `/confab.v1.ChatService/${method}`, Request: request, Messages: messages };
    child.stdin.write(`${JSON.stringify(made)}\n`);
    const { value, done } = await lines.next();
    assert.notEqual(done, true, `${program} ended`);
    const outcome = JSON.parse(value) as Outcome;
    assert.equal(outcome.Code, "OK", outcome.Message);
    return outcome.Messages.map((message) => Buffer.from(message, "base64"));
  };
}

const textOf = (bytes: Buffer): string => fromBinary(ChatMessageSchema, bytes).text;
const numberIn = (text: string): number => Number(text.split(" ", 1)[0]);

for (const { name, command } of clients) {
  test(`${name} reads a room of 18 MB with its default limits`, async (t) => {
    const program = command(t);
    if (program === undefined) return;
    const server = await startServerProcess();
    t.after(() => server.stop());
    await fillLargeRoom(server.url);
    const call = start(t, program, server);

    const room = largeRoom.name;
    const newest = { room, history: 1000 };
    const streamed = await call("StreamMessages", UserSchema, newest, largeRoom.messages);
    const paged: number[] = [];
    let request: MessageInitShape<typeof GetHistoryRequestSchema> = { room, limit: 1000, oldestFirst: true };
    for (let more = true; more; ) {
      const [bytes]: readonly Buffer[] = await call("GetHistory", GetHistoryRequestSchema, request);
      assert.ok(bytes);
      const page: GetHistoryResponse = fromBinary(GetHistoryResponseSchema, bytes);
      paged.push(...page.messages.map(({ text }) => numberIn(text)));
      const after = page.messages.at(-1)?.position;
      request = { room, limit: 1000, ...(after && { after }) };
      more = page.more;
    }
    assertWholeRoom({ GetHistory: paged, StreamMessages: streamed.map((bytes) => numberIn(textOf(bytes))) }, [
      "GetHistory",
      "StreamMessages",
    ]);
  });

  test(`${name} receives what is sent to a quiet room after it has subscribed`, async (t) => {
    const program = command(t);
    if (program === undefined) return;
    const server = await startServerProcess();
    t.after(() => server.stop());
    const sender = connect({ url: server.url, user: "sender" });
    t.after(() => sender.close());

    const room = "quiet";
    // Rooms are listed once they have a message.
    await sender.room(room).send("before");
    const call = start(t, program, server);
    const reading = call("StreamMessages", UserSchema, { room }, 2);
    // Its first message comes only when the reader is there: nothing but the head of the reply was sent until then.
    const isRead = async () => (await sender.rooms({ prefix: room })).rooms.some(({ subscribers }) => subscribers > 0);
    const given = reading.then(() => true);
    while (!(await isRead())) {
      // A call that has failed does not subscribe any more.
      if (await Promise.race([given, delay(pollMs, false)])) break;
    }
    for (const text of ["one", "two"]) await sender.room(room).send(text);
    assert.deepEqual((await reading).map(textOf), ["one", "two"]);
  });
}
