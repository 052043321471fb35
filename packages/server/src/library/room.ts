import { create } from "@bufbuild/protobuf";
import { type Ack, ConfabError, formatPosition, type Payload, parsePosition } from "@confab/contract";
import {
  DeleteMessageRequestSchema,
  EditMessageRequestSchema,
  ReactRequestSchema,
  UserSchema,
} from "@confab/contract/gen/confab/v1/message_pb";
import { ListReadMarksRequestSchema, MarkReadRequestSchema } from "@confab/contract/gen/confab/v1/read_mark_pb";
import {
  GetHistoryRequestSchema,
  ListMembersRequestSchema,
  SignalSchema,
} from "@confab/contract/gen/confab/v1/room_pb";
import type { ListedMark, Member } from "../core/index.js";
import {
  anyFrom,
  type Caller,
  historyForm,
  type Message,
  messageFrom,
  type Operations,
  wirePositionFrom,
} from "../service/index.js";
import { cost } from "../work/index.js";
import { RoomReader } from "./room-reader.js";

/** A message to send. */
export interface NewRoomMessage {
  /** In whose name: any user's. */
  readonly user: string;
  readonly text?: string | undefined;
  /** Makes the send repeatable: the same id again, from the same user, is stored once. Default: a new one. */
  readonly id?: string | undefined;
  readonly payload?: Payload | undefined;
}

/** A message was stored. */
export interface Stored {
  readonly id: string;
  /** `epoch:offset`. */
  readonly position: string;
  readonly sentAt: Date;
  /** It was stored before, by an earlier send with the same id. */
  readonly duplicate: boolean;
}

/** A change of a message. */
export interface RoomChange {
  /** In whose name: any user's. */
  readonly user: string;
  /** Makes the change repeatable, as that of a message. Default: a new one. */
  readonly id?: string | undefined;
}

/** Which messages are wanted: those that match each list that is not empty. At most 16 of each. */
interface MessageFilter {
  readonly users?: readonly string[] | undefined;
  /** Full names of types, such as `acme.Order`; `-` for messages without a payload. */
  readonly payloadTypes?: readonly string[] | undefined;
}

/** Where to begin to read. Default: with what is sent from now on. */
export interface ReadFrom {
  /** With what follows this position. */
  readonly after?: string | undefined;
  /** With so many of the newest messages; 0 to 1,000. */
  readonly history?: number | undefined;
  /** Also with changes of messages (`change`), which do not count for `history`. Default: messages only. */
  readonly changes?: boolean | undefined;
  /** Only messages that pass, which alone count for `history`. Not together with `changes`. */
  readonly filter?: MessageFilter | undefined;
}

export interface HistoryRange {
  /** Only messages after this position. */
  readonly after?: string | undefined;
  /** Only messages before this position. */
  readonly before?: string | undefined;
  /** 1 to 1,000; default 50. */
  readonly limit?: number | undefined;
  /** Also changes of messages (`change`), which count for `limit`. Default: messages only. */
  readonly changes?: boolean | undefined;
  /** Messages as they are at `newest` of the page, with `edited` and `reactions`. Not together with `changes`. */
  readonly folded?: boolean | undefined;
  /** Only messages that pass. Not together with `changes`. */
  readonly filter?: MessageFilter | undefined;
}

export interface HistoryPage {
  /** Oldest first. */
  readonly messages: readonly Message[];
  /** There are more in the direction of reading: before these, or with `after` behind them. They may all be changes. */
  readonly hasMore: boolean;
  /** The room's newest position when the page was made. What comes after it is for `subscribe`, with `changes`. */
  readonly newest: string;
}

export interface RoomSignal {
  readonly user: string;
  /** `typing`, `read`, or your own. */
  readonly kind: string;
  /** What it is about, such as the last message that was read. */
  readonly position?: string | undefined;
  readonly payload?: Payload | undefined;
}

export interface MembersPage {
  /** By name. */
  readonly members: readonly Member[];
  /** Members of the room, on all pages. */
  readonly total: number;
  /** For `page` of the next call; empty: this was the last page. */
  readonly nextPage: string;
}

/** How far a user has read a room. */
interface RoomReadMark {
  readonly user: string;
  /** Offset 0: the user has no mark. */
  readonly position: string;
  /** Messages after it that are in the log. */
  readonly unread: number;
  /** When the mark came there; undefined: the user has none. */
  readonly at: Date | undefined;
}

interface ReadMarksPage {
  /** By user. */
  readonly marks: readonly RoomReadMark[];
  /** For `page` of the next call; empty: this was the last page. */
  readonly nextPage: string;
}

/** What rooms need of the server that they are on. */
export interface RoomDeps {
  readonly operations: Operations;
  /** The program that the server is part of: it may do everything. */
  readonly caller: Caller;
  readonly limits: { readonly maxQueuedBytes: number };
  readonly jsonOf: Parameters<typeof historyForm>[1];
}

/**
 * A room, for the program that the server is part of. It may do everything, and its requests are checked as those of clients
 * are. All methods throw ConfabError, with a code of docs/errors.md.
 */
export class Room {
  constructor(
    readonly name: string,
    private readonly deps: RoomDeps,
  ) {}

  /** Append a message. Resolves once it is durable. */
  async send({ user, text = "", id = "", payload }: NewRoomMessage): Promise<Stored> {
    const { operations, caller } = this.deps;
    const message = { user, text, id, payload: payloadFrom(payload), room: this.name, encodedPayload: undefined };
    return storedFrom(await operations.send(message, caller));
  }

  /** Change what a message says. Resolves once that is durable. @throws OUT_OF_RANGE, MESSAGE_DELETED */
  async edit(position: string, { user, text = "", id = "", payload }: NewRoomMessage): Promise<Stored> {
    const { operations, caller } = this.deps;
    const checked = payloadFrom(payload);
    const content = { text, ...(checked && { payload: anyFrom(checked) }) };
    const asked = { room: this.name, user, id, position: required(position), ...content };
    return storedFrom(await operations.edit(create(EditMessageRequestSchema, asked), caller));
  }

  /** Delete a message: its text and payload go from the log. Resolves once that is durable. @throws OUT_OF_RANGE, MESSAGE_DELETED */
  async delete(position: string, { user, id = "" }: RoomChange): Promise<Stored> {
    const { operations, caller } = this.deps;
    const asked = { room: this.name, user, id, position: required(position) };
    return storedFrom(await operations.deleteMessage(create(DeleteMessageRequestSchema, asked), caller));
  }

  /** React to a message, or with `removed` take that back. @throws OUT_OF_RANGE, MESSAGE_DELETED */
  async react(
    position: string,
    emoji: string,
    { user, id = "", removed = false }: RoomChange & { readonly removed?: boolean },
  ): Promise<Stored> {
    const { operations, caller } = this.deps;
    const asked = { room: this.name, user, id, position: required(position), emoji, removed };
    return storedFrom(await operations.react(create(ReactRequestSchema, asked), caller));
  }

  /**
   * The room's messages, from a place on and then as they come, until the loop is left. Resolves when the subscription has begun:
   * what is sent from then on comes.
   *
   * @throws OUT_OF_RANGE: the messages after `after` are not kept any more. TOO_MANY_FILTERS: `maxFiltersPerRoom`.
   */
  async messages({
    after,
    history = 0,
    changes = false,
    filter,
  }: ReadFrom = {}): Promise<AsyncIterableIterator<Message>> {
    const { operations, caller, limits } = this.deps;
    const position = positionFrom("after", after);
    const reader = create(UserSchema, {
      room: this.name,
      history: count("history", history),
      changes,
      ...(position && { after: position }),
      ...filterFrom(filter),
    });
    const messages = new RoomReader(caller.share, limits.maxQueuedBytes);
    const { subscription } = await operations.subscribe({ reader }, caller, messages);
    messages.began(subscription);
    return messages;
  }

  /** A page of what is stored; without a position the newest one. */
  async history({
    after,
    before,
    limit = 0,
    changes = false,
    folded = false,
    filter,
  }: HistoryRange = {}): Promise<HistoryPage> {
    const { operations, caller, jsonOf } = this.deps;
    const [from, to] = [positionFrom("after", after), positionFrom("before", before)];
    const asked = {
      room: this.name,
      limit: count("limit", limit),
      changes,
      folded,
      ...(from && { after: from }),
      ...(to && { before: to }),
      ...filterFrom(filter),
    };
    const form = { ...historyForm("proto", jsonOf), begin: async () => undefined };
    const page = await operations.history(create(GetHistoryRequestSchema, asked), caller, form);
    const { epoch, run, hasMore, newest } = page;
    const messages = run.entries.map(({ body, offset }) => messageFrom(body, { epoch, offset }));
    return { messages, hasMore, newest: formatPosition({ epoch, offset: newest }) };
  }

  /** Tell the room's readers something that is not stored, at most once. */
  async signal({ user, kind, position, payload }: RoomSignal): Promise<void> {
    const { operations, caller } = this.deps;
    const about = positionFrom("position", position);
    const checked = payloadFrom(payload);
    const more = { ...(about && { position: about }), ...(checked && { payload: anyFrom(checked) }) };
    await operations.signal(create(SignalSchema, { room: this.name, user, kind, ...more }), caller);
  }

  /**
   * Mark how far a user has read the room. Resolves with the mark as it is once that is durable: it only moves forward.
   *
   * @throws OUT_OF_RANGE, TOO_MANY_READ_MARKS
   */
  async markRead({ user, position }: { readonly user: string; readonly position: string }): Promise<RoomReadMark> {
    const { operations, caller } = this.deps;
    const asked = create(MarkReadRequestSchema, { room: this.name, user, position: required(position) });
    return readMarkFrom(await operations.markRead(asked, caller));
  }

  /** Who has read the room how far; with `user` that user's mark alone. `limit`: 1 to 1,000; default 100. */
  async readMarks({ user = "", limit = 0, page = "" } = {}): Promise<ReadMarksPage> {
    const { operations, caller } = this.deps;
    const marks: RoomReadMark[] = [];
    const asked = create(ListReadMarksRequestSchema, { room: this.name, user, limit: count("limit", limit), page });
    const nextPage = await operations.readMarks(asked, caller, {
      begin: async () => undefined,
      unitsPerItem: cost.listed.proto,
      take: (items) => void marks.push(...items.map(readMarkFrom)),
    });
    return { marks, nextPage };
  }

  /** Who reads the room, on all nodes. `limit`: 1 to 1,000; default 100. */
  async members({ limit = 0, page = "" } = {}): Promise<MembersPage> {
    const { operations, caller } = this.deps;
    const members: Member[] = [];
    const asked = create(ListMembersRequestSchema, { room: this.name, limit: count("limit", limit), page });
    const { nextPage, total } = await operations.members(asked, caller, {
      begin: async () => undefined,
      unitsPerItem: cost.listed.proto,
      take: (items) => void members.push(...items),
    });
    return { members, total, nextPage };
  }
}

/** A program in plain JavaScript may give anything. @throws INVALID_MESSAGE */
export function payloadFrom(payload: Payload | undefined): Payload | undefined {
  if (payload === undefined || (typeof payload.typeUrl === "string" && payload.value instanceof Uint8Array))
    return payload;
  throw new ConfabError("INVALID_MESSAGE", "payload must have typeUrl, a string, and value, a Uint8Array");
}

/** A program in plain JavaScript may give anything. @throws INVALID_MESSAGE */
function filterFrom(filter: MessageFilter | undefined) {
  if (filter === undefined) return {};
  const { users = [], payloadTypes = [], ...others } = Object(filter) as MessageFilter;
  if (filter === null || Object.keys(others).length > 0 || ![users, payloadTypes].every(isTexts))
    throw new ConfabError("INVALID_MESSAGE", "filter must be an object with users or payloadTypes, arrays of strings");
  return { filter: { users: [...users], payloadTypes: [...payloadTypes] } };
}

function isTexts(list: readonly string[]): boolean {
  return Array.isArray(list) && list.every((each) => typeof each === "string");
}

export function storedFrom({ id, position, sentAtMs, duplicate }: Ack): Stored {
  return { id, position: formatPosition(position), sentAt: new Date(sentAtMs), duplicate };
}

function readMarkFrom({ user, position, unread, atMs }: ListedMark): RoomReadMark {
  return { user, position: formatPosition(position), unread, at: atMs === undefined ? undefined : new Date(atMs) };
}

/** What the contract's type for it can hold; its own bound comes later. @throws INVALID_MESSAGE */
function count(field: string, value: number): number {
  if (Number.isInteger(value) && value >= 0 && value < 2 ** 32) return value;
  throw new ConfabError("INVALID_MESSAGE", `${field} is ${value}; it must be a whole number, and not negative`);
}

/** @throws INVALID_MESSAGE: it is not a position. */
function required(text: string) {
  return positionFrom("position", text) as NonNullable<ReturnType<typeof positionFrom>>;
}

/** @throws INVALID_MESSAGE: it is not a position. */
function positionFrom(field: string, text: string | undefined) {
  if (text === undefined) return undefined;
  const position = parsePosition(text);
  if (position) return wirePositionFrom(position);
  throw new ConfabError("INVALID_MESSAGE", `${field} is ${JSON.stringify(text)}; it must be a position such as 7:12`);
}
