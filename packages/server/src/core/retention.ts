import type { RoomId } from "./room-id.js";

/** How much of a room is kept. Undefined: without that bound. The newest message stays as long as the room. */
export interface Retention {
  readonly maxMessages?: number | undefined;
  /** A room whose messages have all passed this age, and that is not read, goes away after `emptyRoomMs`. */
  readonly maxAgeMs?: number | undefined;
  /** Bytes of the stored messages, without the engine's own overhead. */
  readonly maxBytes?: number | undefined;
}

/** How much is kept of each room. */
export interface RoomRetention {
  /** The bounds of one room; they do not change while the engine is open. */
  of(room: RoomId): Retention;
  /** Whether some rooms keep messages for a certain time only, so that rooms must be looked at from time to time. */
  readonly hasAges: boolean;
}

/** The same bounds for every room. */
export function sameForAll(retention: Retention): RoomRetention {
  return { of: () => retention, hasAges: retention.maxAgeMs !== undefined };
}
