import { create } from "@bufbuild/protobuf";
import { type Ack, defaultRoom, type Limits, type NewMessage, type Position, type Violation } from "@confab/contract";
import { type SendMessagesRequest, SendMessagesRequestSchema } from "@confab/contract/gen/confab/v1/message_pb";
import { isValidBatch, refuseViolations, violationsOf } from "@confab/contract/validation";
import { type RoomId, roomIdFrom } from "../../core/index.js";
import { cost } from "../../work/index.js";
import { positionFrom } from "../conversions.js";
import { sentMessageFrom } from "../sent-message.js";
import type { Operation } from "./operation.js";
import { appendIn, checkNewMessage, isFirst, sentBytes } from "./send.js";

interface NewBatch {
  readonly room: RoomId;
  readonly messages: readonly NewMessage[];
  readonly expected: Position | undefined;
}

/** Append messages to one room, all of them or none. Resolves once they are durable. @throws what `Hub.sendAll` throws. */
export const sendAll: Operation<SendMessagesRequest, NewBatch, Promise<readonly Ack[]>> = {
  action: "send",
  named: (asked, user) => ({
    ...asked,
    messages: asked.messages.map((message) => (message.user === "" ? { ...message, user } : message)),
  }),
  check: (asked, { types, limits }) => {
    refuseViolations(tooMany(asked, limits));
    // The messages first: errors name the first one that is bad.
    const messages = asked.messages.map((message, index) =>
      checkNewMessage(sentMessageFrom(message), types, `messages[${index}].`),
    );
    if (!isValidBatch(asked)) refuseViolations(batchViolations(asked));
    return { room: roomIdFrom(asked.room), messages, expected: positionFrom(asked.expected) };
  },
  scopeOf: ({ room }) => room,
  userOf: ({ messages }) => messages.map(({ user }) => user),
  run: ({ room, messages, expected }, caller, deps) => {
    const bytes = messages.reduce((sum, message) => sum + sentBytes(message), 0);
    deps.rates?.takeSend(caller, { messages: messages.length, bytes });
    // The request is accounted for as one message.
    caller.share.spend(cost.message * (messages.length - 1));
    const append = (passed: readonly NewMessage[]): Promise<readonly Ack[]> =>
      appendIn(
        { room, caller, deps },
        (acks) => acks.some(isFirst),
        (maxMessageBytes, refuseFirst) => deps.hub.sendAll(room, passed, { maxMessageBytes, refuseFirst, expected }),
      );
    const hook = deps.hooks?.send;
    return hook === undefined ? append(messages) : hook.passAll(messages, caller, append);
  },
};

function tooMany({ messages }: SendMessagesRequest, { maxBatchMessages }: Limits): Violation[] {
  if (messages.length <= maxBatchMessages) return [];
  const message = `has ${messages.length} messages; maxBatchMessages is ${maxBatchMessages}`;
  return [{ field: "messages", rule: "repeated.max_items", message }];
}

/** Of a batch whose messages are good: the interpreter of rules sees one of them, since it takes long for many. */
function batchViolations({ room, messages, expected }: SendMessagesRequest): Violation[] {
  const strange = messages.find((message) => message.room !== "" && message.room !== (room || defaultRoom));
  const shown = strange ?? messages[0];
  return violationsOf(
    SendMessagesRequestSchema,
    create(SendMessagesRequestSchema, {
      room,
      messages: shown ? [{ user: "user", text: "text", room: shown.room }] : [],
      ...(expected && { expected }),
    }),
  );
}
