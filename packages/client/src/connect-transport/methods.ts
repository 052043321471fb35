import { create, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { ConfabError, formatPosition } from "@confab/contract";
import {
  ChatMessageSchema,
  ChatResponseSchema,
  DeleteMessageRequestSchema,
  EditMessageRequestSchema,
  type MessageChangeSchema,
  type Position,
  ReactRequestSchema,
  SendMessagesRequestSchema,
  SendMessagesResponseSchema,
  UserSchema,
  type ChatMessage as WireMessage,
} from "@confab/contract/gen/confab/v1/message_pb";
import {
  ListReadMarksRequestSchema,
  ListReadMarksResponseSchema,
  MarkReadRequestSchema,
  MarkReadResponseSchema,
  type ReadMarkSchema,
} from "@confab/contract/gen/confab/v1/read_mark_pb";
import {
  GetHistoryRequestSchema,
  GetHistoryResponseSchema,
  ListMembersRequestSchema,
  ListMembersResponseSchema,
  ListRoomsRequestSchema,
  ListRoomsResponseSchema,
  SendSignalResponseSchema,
  SignalSchema,
} from "@confab/contract/gen/confab/v1/room_pb";
import type {
  Ack,
  CallOptions,
  ChatMessage,
  Link,
  MessageChange,
  OutgoingChange,
  OutgoingMessage,
  ReadMark,
} from "../link.js";
import type { MethodName } from "../rpc/caller.js";
import { positionHeader } from "../rpc/rpc-link.js";
import { encodedPayload, untouchedPayloads } from "../wire/payloads.js";
import { wirePosition } from "../wire/positions.js";

/** A stream of replies, encoded, with what is known before the first. */
export interface ReplyStream {
  readonly header: Headers;
  readonly replies: AsyncIterable<Uint8Array>;
}

/** Do a unary method of ChatService over a link: encoded request in, encoded reply out. */
export async function callMethod(
  link: Link,
  method: string,
  request: Uint8Array,
  options: CallOptions,
): Promise<Uint8Array> {
  const call = { signal: options.signal };
  // The compiler asks for a case for each method of the contract; callers may give any name.
  const known = method as Exclude<MethodName, "StreamMessages">;
  switch (known) {
    case "SendMessage": {
      const ack = await link.send(outgoingFrom(fromBinary(ChatMessageSchema, request)), call);
      return toBinary(ChatResponseSchema, create(ChatResponseSchema, ackInit(ack)));
    }
    case "SendMessages": {
      const { room, messages, expected } = fromBinary(SendMessagesRequestSchema, request);
      const from = expected && { expected: positionText(expected) };
      const acks = await link.sendAll({ room, messages: messages.map(outgoingFrom), ...from }, call);
      return toBinary(SendMessagesResponseSchema, create(SendMessagesResponseSchema, { acks: acks.map(ackInit) }));
    }
    case "EditMessage": {
      const { position: at, payload: typed, encodedPayload, ...rest } = fromBinary(EditMessageRequestSchema, request);
      return changed(link, { ...rest, kind: "edit", position: targetText(at), payload: typed ?? encodedPayload }, call);
    }
    case "DeleteMessage": {
      const { position: at, ...rest } = fromBinary(DeleteMessageRequestSchema, request);
      return changed(link, { ...rest, kind: "delete", position: targetText(at) }, call);
    }
    case "React": {
      const { position: at, ...rest } = fromBinary(ReactRequestSchema, request);
      return changed(link, { ...rest, kind: "react", position: targetText(at) }, call);
    }
    case "GetHistory": {
      const { after, before, ...rest } = fromBinary(GetHistoryRequestSchema, request);
      const cursors = { ...(after && { after: positionText(after) }), ...(before && { before: positionText(before) }) };
      const page = await link.history({ ...rest, ...cursors }, call);
      const init = {
        more: page.more,
        oldest: position(page.oldest),
        newest: position(page.newest),
        messages: page.messages.map(messageInit),
        ...(page.start !== undefined && { start: position(page.start) }),
      };
      return toBinary(GetHistoryResponseSchema, create(GetHistoryResponseSchema, init));
    }
    case "ListRooms": {
      const { rooms, nextPage } = await link.rooms(fromBinary(ListRoomsRequestSchema, request), call);
      const infos = rooms.map(({ oldest, newest, messages, readMark, unread = 0, ...room }) => ({
        ...room,
        ...(readMark !== undefined && { readMark: position(readMark), unread: BigInt(unread) }),
        oldest: position(oldest),
        newest: position(newest),
        messages: BigInt(messages),
      }));
      return toBinary(ListRoomsResponseSchema, create(ListRoomsResponseSchema, { rooms: infos, nextPage }));
    }
    case "ListMembers": {
      const { members, nextPage, total } = await link.members(fromBinary(ListMembersRequestSchema, request), call);
      return toBinary(
        ListMembersResponseSchema,
        create(ListMembersResponseSchema, { members: [...members], nextPage, total }),
      );
    }
    case "MarkRead": {
      const { user, room, position: at } = fromBinary(MarkReadRequestSchema, request);
      const mark = markInit(await link.markRead({ user, room, position: targetText(at) }, call));
      return toBinary(MarkReadResponseSchema, create(MarkReadResponseSchema, { mark }));
    }
    case "ListReadMarks": {
      const { marks, nextPage } = await link.readMarks(fromBinary(ListReadMarksRequestSchema, request), call);
      const init = { marks: marks.map(markInit), nextPage };
      return toBinary(ListReadMarksResponseSchema, create(ListReadMarksResponseSchema, init));
    }
    case "SendSignal": {
      const signal = fromBinary(SignalSchema, request);
      const { user, room, kind, position: at, payload = signal.encodedPayload } = signal;
      await link.signal({ user, room, kind, payload, ...(at && { position: positionText(at) }) }, call);
      return toBinary(SendSignalResponseSchema, create(SendSignalResponseSchema));
    }
    default:
      known satisfies never;
      throw new ConfabError("UNKNOWN_METHOD", `${method} is not known over WebSocket`);
  }
}

/** StreamMessages: one encoded User in, encoded messages out. */
export async function readRoom(
  link: Link,
  requests: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): Promise<ReplyStream> {
  for await (const request of requests) {
    const { name, room, after, history, changes, filter } = fromBinary(UserSchema, request);
    const from = after && { after: positionText(after) };
    const listening = await link.listen({ user: name, room, history, changes, filter, ...from }, { signal });
    async function* replies() {
      for await (const message of listening)
        yield toBinary(ChatMessageSchema, create(ChatMessageSchema, messageInit(message)));
      if (signal.aborted) throw new ConfabError("CANCELLED", "the caller cancelled the call");
    }
    return { header: new Headers({ [positionHeader]: listening.position }), replies: replies() };
  }
  throw new ConfabError("PROTOCOL_VIOLATION", "the request stream ended without a request");
}

function markInit({ position: at, unread, at: movedAt, ...mark }: ReadMark): MessageInitShape<typeof ReadMarkSchema> {
  return {
    ...mark,
    position: position(at),
    unread: BigInt(unread),
    ...(movedAt && { at: timestampFromDate(movedAt) }),
  };
}

async function changed(link: Link, { id, ...change }: OutgoingChange, call: CallOptions): Promise<Uint8Array> {
  const ack = await link.change({ ...change, ...(id !== "" && { id }) }, call);
  return toBinary(ChatResponseSchema, create(ChatResponseSchema, ackInit(ack)));
}

/** The server refuses a request without a position; a link takes one as text. */
function targetText(at: Position | undefined): string {
  if (at === undefined) throw new ConfabError("INVALID_MESSAGE", "position is required");
  return positionText(at);
}

function outgoingFrom(message: WireMessage): OutgoingMessage {
  const { user, text, room, id, payload = message.encodedPayload } = message;
  return { user, text, room, payload, ...(id !== "" && { id }) };
}

function ackInit(ack: Ack) {
  return { ...ack, position: position(ack.position), sentAt: timestampFromDate(ack.sentAt) };
}

function messageInit({ position: at, sentAt, payload, change, edited, reactions, ...rest }: ChatMessage) {
  return {
    ...rest,
    ...((edited || reactions) && { view: viewInit(edited, reactions) }),
    ...(change && { change: changeInit(change) }),
    position: position(at),
    sentAt: timestampFromDate(sentAt),
    ...(payload && { payload: encodedPayload(payload, untouchedPayloads) }),
  };
}

function viewInit(edited: ChatMessage["edited"], reactions: ChatMessage["reactions"] = []) {
  return {
    ...(edited && {
      edited: { user: edited.user, offset: position(edited.position).offset, at: timestampFromDate(edited.at) },
    }),
    reactions: reactions.map(({ users, ...each }) => ({ ...each, users: users.map((name) => ({ name })) })),
  };
}

function changeInit({ target, ...change }: MessageChange) {
  const at = { target: position(target).offset };
  if (change.kind === "unknown") return at;
  const { kind, ...value } = change;
  return { ...at, kind: { case: kind, value } } as MessageInitShape<typeof MessageChangeSchema>;
}

function position(text: string): { epoch: number; offset: bigint } {
  const found = wirePosition("position", text);
  if (!found) throw new ConfabError("PROTOCOL_VIOLATION", "the server left out a position");
  return { epoch: found.epoch, offset: BigInt(found.offset) };
}

function positionText({ epoch, offset }: Position): string {
  return formatPosition({ epoch, offset: Number(offset) });
}
