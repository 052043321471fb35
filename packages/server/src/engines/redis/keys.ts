import { createHash } from "node:crypto";
import type { RoomId } from "../../core/index.js";

/** Dedupe buckets of a room, which take turns: the current one and the one before. */
export const bucketCount = 2;

/** Of one receiver of what is stored. All are in one slot of a Cluster. */
export interface OutboxKeys {
  readonly lease: string;
  readonly cursors: string;
  readonly rooms: string;
}

export interface RoomKeys {
  readonly log: string;
  readonly meta: string;
  /** Of an erasure in progress (scripts/erase.ts). */
  readonly copy: string;
  readonly copying: string;
  readonly ids: readonly string[];
  readonly marks: string;
  readonly channel: string;
}

/**
 * The names of what one deployment keeps in Redis.
 *
 *     confab:{lobby}:log      stream of blocks (blocks.ts); the id is the last offset of the block, and when that was sent
 *     confab:{lobby}:meta     record of the room: epoch, top, oldest, what trimming needs, earlier epochs
 *     confab:{lobby}:copy     for the time of an erasure: the stream that takes the place of the log, and how far it is (copying)
 *     confab:{lobby}:ids:0..1 hashes: a digest of (user, id) to the place and time of the first message, a window each
 *     confab:{lobby}:marks    sorted set: read marks by user, and the counts of changes (scripts/change-counts.ts)
 *     confab:{lobby}:bus      sharded channel
 *     confab:probe:{…}       a key for a moment, and a channel: what a node tries a server with
 *     confab:clock            the time as the nodes believe it, at most a minute old: a start compares its clock with it
 *     confab:revoked          hash: what was revoked, and `version`, one more for each change
 *     confab:deleting         sorted set of deletions in progress, a room and a position each, by when a node put or took it
 *     confab:{stored:NAME}:   of the receiver NAME: lease, the node that delivers; cursors, a hash of positions by room; rooms, a set
 *                             of those that were written to
 *     confab:made            channel: names of rooms that have got their first message
 *     confab:bounded          sorted set of rooms that may have their own bounds, as confab:rooms
 *     confab:rooms            sorted set of the names, all with score 0, so ordered by name
 *
 * The braces are a hash tag: all keys of a room are in one slot of a Cluster (Redis Cluster specification, "Hash tags").
 * A room's name matches `[A-Za-z0-9][A-Za-z0-9._-]*`, so it can neither be empty nor close the tag early.
 */
export class Keys {
  readonly rooms: string;
  readonly clock: string;
  readonly revocations: string;
  readonly deletions: string;
  readonly made: string;
  readonly bounded: string;

  constructor(private readonly prefix: string) {
    this.clock = `${prefix}:clock`;
    this.rooms = `${prefix}:rooms`;
    this.made = `${prefix}:made`;
    this.revocations = `${prefix}:revoked`;
    this.deletions = `${prefix}:deleting`;
    this.bounded = `${prefix}:bounded`;
  }

  of(room: RoomId): RoomKeys {
    const stem = `${this.prefix}:{${room}}:`;
    return {
      log: `${stem}log`,
      meta: `${stem}meta`,
      copy: `${stem}copy`,
      copying: `${stem}copying`,
      ids: Array.from({ length: bucketCount }, (_, bucket) => `${stem}ids:${bucket}`),
      marks: `${stem}marks`,
      channel: this.channel(room),
    };
  }

  channel(room: RoomId): string {
    return `${this.prefix}:{${room}}:bus`;
  }

  /** The room whose channel this is. */
  roomOf(channel: string): RoomId {
    return channel.slice(this.prefix.length + 2, channel.lastIndexOf("}")) as RoomId;
  }

  outbox(name: string): OutboxKeys {
    const stem = `${this.prefix}:{stored:${name}}:`;
    return { lease: `${stem}lease`, cursors: `${stem}cursors`, rooms: `${stem}rooms` };
  }

  /** A key and a channel on which a node tries whether a server does what is needed. */
  probe(tag: string): string {
    return `${this.prefix}:probe:{${tag}}`;
  }
}

/**
 * What stands for a dedupe key in Redis: 128 bits, whatever the lengths of user and id, so that a window of them costs a
 * known amount of memory. Nobody gains from a collision but a sender who wants to lose a message of their own.
 */
export function dedupeDigest(dedupeKey: string): Buffer {
  return createHash("sha256").update(dedupeKey).digest().subarray(0, 16);
}
