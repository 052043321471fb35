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
  /** The bounds of one room, as the configuration has them; they do not change while the engine is open. */
  of(room: RoomId): Retention;
  /** Whether some rooms keep messages for a certain time only, so that rooms must be looked at from time to time. */
  readonly hasAges: boolean;
}

/** The same bounds for every room. */
export function sameForAll(retention: Retention): RoomRetention {
  return { of: () => retention, hasAges: retention.maxAgeMs !== undefined };
}

/** The bounds of one room. */
export interface KeptBounds {
  /** Its own. */
  readonly own: Retention;
  /** Of each bound the narrower one: its own, or that of the configuration. */
  readonly effective: Retention;
}

/** Of each bound the narrower one. */
export function narrowest(one: Retention, other: Retention): Retention {
  return {
    maxMessages: least(one.maxMessages, other.maxMessages),
    maxAgeMs: least(one.maxAgeMs, other.maxAgeMs),
    maxBytes: least(one.maxBytes, other.maxBytes),
  };
}

/** Three numbers, where 0 means without a bound: messages, age in milliseconds, bytes. */
export function numbersOf({ maxMessages = 0, maxAgeMs = 0, maxBytes = 0 }: Retention): [number, number, number] {
  return [maxMessages, maxAgeMs, maxBytes];
}

export function retentionFrom([maxMessages = 0, maxAgeMs = 0, maxBytes = 0]: readonly number[]): Retention {
  return {
    maxMessages: maxMessages || undefined,
    maxAgeMs: maxAgeMs || undefined,
    maxBytes: maxBytes || undefined,
  };
}

function least(one: number | undefined, other: number | undefined): number | undefined {
  if (one === undefined || other === undefined) return one ?? other;
  return Math.min(one, other);
}
