import assert from "node:assert/strict";
import { test } from "node:test";
import { type DescMessage, type MessageShape, toBinary } from "@bufbuild/protobuf";
import { ChatMessageSchema } from "@confab/contract/gen/confab/v1/message_pb";
import {
  GetHistoryRequestSchema,
  ListMembersRequestSchema,
  ListRoomsRequestSchema,
  SignalSchema,
} from "@confab/contract/gen/confab/v1/room_pb";
import { ignoredFields, type KnownGaps } from "@confab/contract/testing/every-field";
import type { Link } from "../link.js";
import { callMethod } from "./methods.js";

const serversToSet = {
  "confab.v1.ChatMessage.position.epoch": "the server sets it",
  "confab.v1.ChatMessage.position.offset": "the server sets it",
  "confab.v1.ChatMessage.sent_at.seconds": "the server sets it",
  "confab.v1.ChatMessage.sent_at.nanos": "the server sets it",
};

const methods: readonly (readonly [method: string, desc: DescMessage, gaps?: KnownGaps])[] = [
  ["SendMessage", ChatMessageSchema, serversToSet],
  ["GetHistory", GetHistoryRequestSchema],
  ["ListRooms", ListRoomsRequestSchema],
  ["ListMembers", ListMembersRequestSchema],
  ["SendSignal", SignalSchema],
];

for (const [method, desc, gaps = {}] of methods) {
  test(`${method} gives every field of its request to the link`, () => {
    assertHandled(
      ignoredFields(desc, (message) => requestTo(method, desc, message), { gaps }),
      `${method} in ${methodsFile}`,
    );
  });
}

/** What the link is asked. A call asks before it awaits anything; its answer does not matter here. */
function requestTo(method: string, desc: DescMessage, message: MessageShape<DescMessage>): unknown {
  let asked: unknown;
  const ask = (request: unknown): Promise<never> => {
    asked = request;
    return new Promise(() => undefined);
  };
  const link: Pick<Link, "send" | "history" | "rooms" | "members" | "signal"> = {
    send: ask,
    history: ask,
    rooms: ask,
    members: ask,
    signal: ask,
  };
  void callMethod(link as Link, method, toBinary(desc, message), {});
  const { $typeName: _, $unknown: __, ...fields } = asked as Record<string, unknown>;
  return fields;
}
