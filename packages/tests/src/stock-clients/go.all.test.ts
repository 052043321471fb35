import assert from "node:assert/strict";
import { test } from "node:test";
import { create, type DescMessage, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { ChatMessageSchema, UserSchema } from "@confab/contract/gen/confab/v1/message_pb";
import {
  GetHistoryRequestSchema,
  type GetHistoryResponse,
  GetHistoryResponseSchema,
} from "@confab/contract/gen/confab/v1/room_pb";
import { mustRun } from "../fixture/run-program.js";
import { startServerProcess } from "../fixture/server-process.js";
import { requirePart } from "../optional-parts.js";
import { assertWholeRoom, fillLargeRoom, largeRoom } from "./testing/large-room.js";

interface Outcome {
  readonly Code: string;
  readonly Message: string;
  /** Base64. */
  readonly Messages: readonly string[];
}

const service = "/confab.v1.ChatService";

test("grpc-go reads a room of 18 MB with its default limits", async (t) => {
  const client = requirePart(t, "go-client");
  if (client === undefined) return;
  const server = await startServerProcess();
  t.after(() => server.stop());
  await fillLargeRoom(server.url);

  async function call<Desc extends DescMessage>(
    method: string,
    schema: Desc,
    init: MessageInitShape<Desc>,
    messages = 0,
  ): Promise<readonly Buffer[]> {
    const request = Buffer.from(toBinary(schema, create(schema, init))).toString("base64");
    const input = `${JSON.stringify({ Method: `${service}/${method}`, Request: request, Messages: messages })}\n`;
    const outcome = JSON.parse(await mustRun(client ?? "", [`127.0.0.1:${server.port}`], { input })) as Outcome;
    assert.equal(outcome.Code, "OK", outcome.Message);
    return outcome.Messages.map((message) => Buffer.from(message, "base64"));
  }

  const room = largeRoom.name;
  const number = (text: string) => Number(text.split(" ", 1)[0]);
  const streamed = await call("StreamMessages", UserSchema, { room, history: 1000 }, largeRoom.messages);
  const paged: number[] = [];
  let request: MessageInitShape<typeof GetHistoryRequestSchema> = { room, limit: 1000, oldestFirst: true };
  for (let more = true; more; ) {
    const [bytes]: readonly Buffer[] = await call("GetHistory", GetHistoryRequestSchema, request);
    assert.ok(bytes);
    const page: GetHistoryResponse = fromBinary(GetHistoryResponseSchema, bytes);
    paged.push(...page.messages.map(({ text }) => number(text)));
    const after = page.messages.at(-1)?.position;
    request = { room, limit: 1000, ...(after && { after }) };
    more = page.more;
  }
  assertWholeRoom(
    { GetHistory: paged, StreamMessages: streamed.map((bytes) => number(fromBinary(ChatMessageSchema, bytes).text)) },
    ["GetHistory", "StreamMessages"],
  );
});
