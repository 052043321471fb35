import type { JsonValue } from "@bufbuild/protobuf";
import { ConfabError, formatPosition, parseJson } from "@confab/contract";
import * as contract from "@confab/contract/gen/confab/v1/tables";
import type {
  Ack,
  ChatMessage,
  HistoryPage,
  MembersPage,
  MessageChange,
  ReadMark,
  ReadMarksPage,
  RoomsPage,
} from "../link.js";
import { decodeJson } from "./json.js";
import { positionText } from "./positions.js";
import { decodeProto } from "./proto.js";
import type { WireFormat } from "./requests.js";
import type { Decoded, Table } from "./table.js";

/** How to read one message of the contract, in both its spellings. */
export interface Reply<T> {
  fromProto(bytes: Uint8Array): T;
  fromJson(json: JsonValue): T;
}

/** @throws PROTOCOL_VIOLATION: the server sent something else. */
export function decodeReply<T>(reply: Reply<T>, format: WireFormat, bytes: Uint8Array | string): T {
  try {
    if (format === "json") return reply.fromJson(parseJson(bytes));
    if (typeof bytes === "string") throw new Error("text where bytes are expected");
    return reply.fromProto(bytes);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : "malformed";
    throw new ConfabError("PROTOCOL_VIOLATION", `the server's answer cannot be read: ${why}`, { cause });
  }
}

/** A message of the contract, in the application's terms. */
export function replyOf<T extends Table, Result>(table: T, from: (message: Decoded<T>) => Result): Reply<Result> {
  return {
    fromProto: (bytes) => from(decodeProto(table, bytes)),
    fromJson: (json) => from(decodeJson(table, json)),
  };
}

export const ackReply: Reply<Ack> = replyOf(contract.chatResponse, ackFrom);
export const acksReply: Reply<readonly Ack[]> = replyOf(contract.sendMessagesResponse, acksFrom);
export const messageReply: Reply<ChatMessage> = replyOf(contract.chatMessage, messageFrom);
export const historyReply: Reply<HistoryPage> = replyOf(contract.getHistoryResponse, historyFrom);

export const roomsReply: Reply<RoomsPage> = replyOf(contract.listRoomsResponse, ({ rooms, nextPage }) => ({
  rooms: rooms.map(({ readMark, unread, ...room }) => ({
    ...room,
    oldest: positionText(room.oldest),
    newest: positionText(room.newest),
    ...(readMark && { readMark: positionText(readMark), unread }),
  })),
  nextPage,
}));

export const markReply: Reply<ReadMark> = replyOf(contract.markReadResponse, ({ mark }) => markFrom(mark));

export const marksReply: Reply<ReadMarksPage> = replyOf(contract.listReadMarksResponse, ({ marks, nextPage }) => ({
  marks: marks.map(markFrom),
  nextPage,
}));

export const membersReply: Reply<MembersPage> = replyOf(contract.listMembersResponse, (page) => page);

export function markFrom(mark: Decoded<typeof contract.readMark> | undefined): ReadMark {
  const { user = "", room = "", position, unread = 0, at } = mark ?? {};
  return { user, room, position: positionText(position), unread, at };
}

/** An answer that says nothing more than that it went well. */
export const emptyReply: Reply<void> = { fromProto: () => undefined, fromJson: () => undefined };

export function ackFrom({ position, sentAt, ...rest }: Decoded<typeof contract.chatResponse>): Ack {
  return { ...rest, position: positionText(position), sentAt: sentAt ?? new Date(0) };
}

export function acksFrom({ acks }: Decoded<typeof contract.sendMessagesResponse>): Ack[] {
  return acks.map(ackFrom);
}

export function historyFrom({
  messages,
  more,
  oldest,
  newest,
  start,
}: Decoded<typeof contract.getHistoryResponse>): HistoryPage {
  return {
    messages: messages.map(messageFrom),
    more,
    oldest: positionText(oldest),
    newest: positionText(newest),
    ...(start && { start: positionText(start) }),
  };
}

export function messageFrom(message: Decoded<typeof contract.chatMessage>): ChatMessage {
  const { user, text, room, id, position, sentAt, payload = message.encodedPayload, deleted } = message;
  const { change, view } = message;
  const others = {
    ...(payload && { payload }),
    ...(deleted && { deleted }),
    ...(change && { change: changeFrom(change, position?.epoch ?? 0) }),
    ...(view && viewFrom(view, position?.epoch ?? 0)),
  };
  return { user, text, room, id, position: positionText(position), sentAt: sentAt ?? new Date(0), ...others };
}

/** A change names a message by its offset, in the log that the change is in. */
function changeFrom(
  { target: offset, edit, deletion, reaction }: Decoded<typeof contract.messageChange>,
  epoch: number,
): MessageChange {
  const target = formatPosition({ epoch, offset });
  if (reaction) return { target, kind: "reaction", emoji: reaction.emoji, removed: reaction.removed };
  return { target, kind: edit ? "edit" : deletion ? "deletion" : "unknown" };
}

function viewFrom({ edited, reactions }: Decoded<typeof contract.messageView>, epoch: number) {
  return {
    ...(edited && {
      edited: {
        user: edited.user,
        position: formatPosition({ epoch, offset: edited.offset }),
        at: edited.at ?? new Date(0),
      },
    }),
    reactions: reactions.map(({ emoji, count, users }) => ({ emoji, count, users: users.map(({ name }) => name) })),
  };
}
