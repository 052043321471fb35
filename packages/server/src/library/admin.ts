import { create } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { ConfabError, parsePosition } from "@confab/contract";
import {
  DeleteRoomRequestSchema,
  EraseUserRequestSchema,
  GetRoomRetentionRequestSchema,
  PublishRequestSchema,
  ScrubRequestSchema,
  SetRoomRetentionRequestSchema,
} from "@confab/contract/gen/confab/v1/admin_rooms_pb";
import { EraseMessageRequestSchema, RevokeRequestSchema } from "@confab/contract/gen/confab/v1/admin_service_pb";
import type { KeptBounds, Retention } from "../core/index.js";
import {
  anyFrom,
  type Caller,
  type Operations,
  pageFrom,
  wirePositionFrom,
  wireRetentionFrom,
} from "../service/index.js";
import {
  type ConnectionsPage,
  type ConnectionsRange,
  connectionsPage,
  type Disconnection,
  disconnected,
} from "./connections.js";
import { type NewRoomMessage, payloadFrom, type Stored, storedFrom } from "./room.js";

/** Which tokens to refuse: one by its id, those of a user, or all; the latter two as far as they were issued before a time. */
export interface RevokedTokens {
  /** The claim `jti` of one token. */
  readonly tokenId?: string;
  readonly user?: string;
  /** Default: now. */
  readonly issuedBefore?: Date;
}

/** What became of a user who was erased. */
export interface UserErased {
  readonly messages: number;
  /** Edits, deletions and reactions of the user, and edits of the user's messages. */
  readonly changes: number;
  /** Rooms that were looked through. */
  readonly rooms: number;
  /** Entries that could not be read because the log is damaged there; they are as they were. */
  readonly unreadable: number;
}

/** What became of a published message in one room: it is stored there, or not. */
export interface PublishedIn {
  readonly room: string;
  readonly stored?: Stored;
  readonly error?: ConfabError;
}

/** What an operator can do, for the program that the server is part of. It is in the audit log, as what clients do. */
export class Admin {
  constructor(
    private readonly operations: Operations,
    private readonly caller: Caller,
  ) {}

  /**
   * Refuse tokens that have not expired, on all nodes. What they opened ends within about a second. Resolves once it is
   * durable, with the time until which it is kept.
   */
  async revoke({ tokenId = "", user = "", issuedBefore }: RevokedTokens): Promise<Date> {
    const asked = { tokenId, user, ...(issuedBefore && { issuedBefore: timestampFromDate(issuedBefore) }) };
    return new Date(await this.operations.revoke(create(RevokeRequestSchema, asked), this.caller));
  }

  /** Remove a room, on all nodes. Resolves once that is durable, with how many messages and changes it had; 0: there was none. */
  deleteRoom(room: string): Promise<number> {
    return this.operations.deleteRoom(create(DeleteRoomRequestSchema, { room }), this.caller);
  }

  /**
   * Erase a user from all rooms: messages, edits, reactions and the name. Resolves once all rooms were looked through and it is durable.
   * If it fails in the middle, the same again goes on. What the user sends meanwhile may be missed.
   */
  async eraseUser(user: string): Promise<UserErased> {
    const total = { messages: 0, changes: 0, rooms: 0, unreadable: 0 };
    for (let page: string | undefined; page !== ""; ) {
      const asked = create(EraseUserRequestSchema, { user, page: page ?? "" });
      const done = await this.operations.eraseUser(asked, this.caller, { begin: async () => undefined });
      total.messages += done.messages;
      total.changes += done.changes;
      total.rooms += done.rooms;
      total.unreadable += done.unreadable;
      page = pageFrom(done.next);
    }
    return total;
  }

  /**
   * Keep less of a room than the configuration says, on all nodes; without a bound: as that says. Resolves once it is durable, with the
   * bounds that hold. They go with the room. @throws OUT_OF_RANGE: it has no message. INVALID_MESSAGE
   */
  async setRetention(room: string, { maxMessages, maxAgeMs, maxBytes }: Retention): Promise<Retention> {
    const bounds = { maxMessages, maxAgeMs, maxBytes };
    for (const [name, bound] of Object.entries(bounds))
      if (bound !== undefined && !(Number.isSafeInteger(bound) && bound > 0))
        throw new ConfabError("INVALID_MESSAGE", `${name} is ${bound}; it must be a whole number from 1`);
    const retention = wireRetentionFrom(bounds);
    const asked = create(SetRoomRetentionRequestSchema, { room, retention });
    return (await this.operations.setRoomRetention(asked, this.caller)).effective;
  }

  /** How much of a room is kept: by its own bounds, and in effect. */
  retention(room: string): Promise<KeptBounds> {
    return this.operations.roomRetention(create(GetRoomRetentionRequestSchema, { room }), this.caller);
  }

  /**
   * Send a message to at most 1,000 rooms. Resolves to what became of it in each, in their order. With an id the same again stores it once.
   *
   * @throws INVALID_MESSAGE, PAYLOAD_TOO_LARGE: it is in no room.
   */
  async publish(
    rooms: readonly string[],
    { user, text = "", id = "", payload }: NewRoomMessage,
  ): Promise<PublishedIn[]> {
    const checked = payloadFrom(payload);
    const message = { user, text, id, ...(checked && { payload: anyFrom(checked) }) };
    const asked = create(PublishRequestSchema, { rooms: [...rooms], message });
    const published = await this.operations.publish(asked, this.caller, { begin: async () => undefined });
    return published.map(({ room, ack, error }) => (ack ? { room, stored: storedFrom(ack) } : { room, error }));
  }

  /**
   * Free the files of what was erased, deleted or trimmed before. Resolves, once that is done, to what others have to do for the same, as
   * text for people; empty: nothing. @throws ENGINE_UNAVAILABLE
   */
  scrub(): Promise<string> {
    return this.operations.scrub(create(ScrubRequestSchema), this.caller);
  }

  /** Erase the text and the payload of one message, on all nodes. Resolves once that is durable. @throws OUT_OF_RANGE */
  async erase(room: string, position: string): Promise<void> {
    const parsed = parsePosition(position);
    if (!parsed)
      throw new ConfabError(
        "INVALID_MESSAGE",
        `position is ${JSON.stringify(position)}; it must be a position such as 7:12`,
      );
    const asked = create(EraseMessageRequestSchema, { room, position: wirePositionFrom(parsed) });
    await this.operations.erase(asked, this.caller);
  }

  /** Who is connected, on all nodes, and what they read; a page at a time. @throws ENGINE_UNAVAILABLE */
  async connections(range: ConnectionsRange = {}): Promise<ConnectionsPage> {
    return connectionsPage(range, this.operations, this.caller);
  }

  /**
   * End the connections of a user, or one connection, on all nodes. Resolves when each node has done it, with how many there
   * were. Clients with a token that holds may connect again: `revoke` first.
   *
   * @throws OUTCOME_UNKNOWN: some nodes did not answer in time; the message names them.
   */
  async disconnect(what: Disconnection): Promise<number> {
    return disconnected(what, this.operations, this.caller);
  }
}
