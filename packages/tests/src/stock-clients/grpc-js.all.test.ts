import { test } from "node:test";
import { create, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { ChatMessageSchema, UserSchema } from "@confab/contract/gen/confab/v1/message_pb";
import {
  GetHistoryRequestSchema,
  type GetHistoryResponse,
  GetHistoryResponseSchema,
} from "@confab/contract/gen/confab/v1/room_pb";
import * as grpc from "@grpc/grpc-js";
import { startServerProcess } from "../fixture/server-process.js";
import { assertWholeRoom, fillLargeRoom, largeRoom } from "./testing/large-room.js";

const service = "/confab.v1.ChatService";
const asIs = (bytes: Buffer): Buffer => bytes;

test("grpc-js reads a room of 18 MB with its default limits", async (t) => {
  const server = await startServerProcess();
  t.after(() => server.stop());
  await fillLargeRoom(server.url);
  const client = new grpc.Client(`127.0.0.1:${server.port}`, grpc.credentials.createInsecure());
  t.after(() => client.close());
  const room = largeRoom.name;
  const number = (text: string) => Number(text.split(" ", 1)[0]);

  const request = Buffer.from(toBinary(UserSchema, create(UserSchema, { room, history: 1000 })));
  const stream = client.makeServerStreamRequest(`${service}/StreamMessages`, asIs, asIs, request);
  const streamed: number[] = [];
  for await (const bytes of stream as AsyncIterable<Buffer>) {
    streamed.push(number(fromBinary(ChatMessageSchema, bytes).text));
    if (streamed.length === largeRoom.messages) break;
  }

  const paged: number[] = [];
  let next: MessageInitShape<typeof GetHistoryRequestSchema> = { room, limit: 1000, oldestFirst: true };
  for (let more = true; more; ) {
    const page: GetHistoryResponse = await history(client, next);
    paged.push(...page.messages.map(({ text }) => number(text)));
    const after = page.messages.at(-1)?.position;
    next = { room, limit: 1000, ...(after && { after }) };
    more = page.more;
  }
  assertWholeRoom({ GetHistory: paged, StreamMessages: streamed }, ["GetHistory", "StreamMessages"]);
});

function history(
  client: grpc.Client,
  init: MessageInitShape<typeof GetHistoryRequestSchema>,
): Promise<GetHistoryResponse> {
  const request = Buffer.from(toBinary(GetHistoryRequestSchema, create(GetHistoryRequestSchema, init)));
  return new Promise((resolve, reject) => {
    client.makeUnaryRequest(`${service}/GetHistory`, asIs, asIs, request, (error, reply) => {
      if (error) reject(error);
      else if (reply) resolve(fromBinary(GetHistoryResponseSchema, reply));
    });
  });
}
