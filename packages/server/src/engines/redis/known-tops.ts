import type { RoomId } from "../../core/index.js";
import { blockDigest } from "./block-digest.js";
import type { Keys } from "./keys.js";
import { newEpoch } from "./new-epoch.js";
import { newerRoomIn } from "./redis-error.js";
import type { RedisLink } from "./redis-link.js";
import { verifyScript } from "./scripts/verify.js";

/** A block that this node knows to have been in the log of a room. */
interface KnownBlock {
  /** The last of the block. */
  readonly offset: number;
  /** Tells this block from another one at its place. */
  readonly digest: string;
}

/** The last of them. */
interface KnownTop extends KnownBlock {
  readonly epoch: number;
  /** Some of those before it, the newest first: they tell what is left of a log that went back. */
  readonly earlier: readonly KnownBlock[];
}

/** Rooms remembered; beyond it the ones longest unused are forgotten, and a loss in them is not noticed. */
const maxKnownRooms = 100_000;

/**
 * Earlier blocks remembered of each room. They lie further and further apart: a log that lost so many messages is known to have
 * what was before about four times as many, or all but them.
 */
const maxEarlierBlocks = 8;
const spacing = 4;

/** Rooms verified in one go: those that somebody waits for come in between. */
const roomsPerSlice = 200;

/** The pause before a server that could not be asked is asked again, in milliseconds. */
const retryPauseMs = 200;

/**
 * What this node knows of the tops of rooms, to notice that a Redis came back older than it was: restored from a snapshot, or
 * a replica that had lagged became the master. It has the same epochs then, and would give old positions to new messages.
 *
 *     known ── a connection to a server that may have lost something ──► suspect ── verified ──► known, or another epoch
 *
 * A suspect room is verified before anything of it is read, heard or written here; all others as fast as Redis answers, the
 * ones used last first.
 */
export class KnownTops {
  /** In order of use, the oldest first. */
  private readonly tops = new Map<RoomId, KnownTop>();
  /** What was known when the server came back; in order of use, the newest first. */
  private readonly suspects = new Map<RoomId, KnownTop>();
  private readonly verifying = new Map<RoomId, Promise<void>>();
  private isSweeping = false;
  private isClosed = false;

  constructor(
    private readonly link: RedisLink,
    private readonly keys: Keys,
    /** The log of a room is not the one that this node knew. */
    private readonly replaced: (room: RoomId) => void,
  ) {}

  /** A block that is in the log, and the last offset in it. */
  note(room: RoomId, epoch: number, offset: number, block: Buffer): void {
    this.noteDigest(room, epoch, offset, blockDigest(block));
  }

  noteDigest(room: RoomId, epoch: number, offset: number, digest: string): void {
    const known = this.tops.get(room);
    const isNext = known?.epoch === epoch;
    if (isNext && known.offset >= offset) return;
    const earlier = isNext ? thinned(offset, [{ offset: known.offset, digest: known.digest }, ...known.earlier]) : [];
    this.tops.delete(room);
    this.tops.set(room, { epoch, offset, digest, earlier });
    if (this.tops.size <= maxKnownRooms) return;
    const [eldest] = this.tops.keys();
    if (eldest !== undefined) this.tops.delete(eldest);
  }

  /** A server may hold less than it did. */
  suspect(isThere: (room: RoomId) => boolean): void {
    for (const [room, top] of [...this.tops].reverse()) {
      // What was known before an earlier doubt, and is not verified yet, is what it must still hold.
      if (isThere(room) && !this.suspects.has(room)) this.suspects.set(room, top);
    }
    if (this.suspects.size > 0 && !this.isSweeping) void this.sweep();
  }

  /** Resolves once the room is no suspect any more; at once (undefined) if it is none. @throws what the link throws. */
  verified(room: RoomId): Promise<void> | undefined {
    const top = this.suspects.get(room);
    if (!top) return undefined;
    const underWay = this.verifying.get(room);
    if (underWay !== undefined) return underWay;
    const verifying = this.verify(room, top).finally(() => this.verifying.delete(room));
    this.verifying.set(room, verifying);
    return verifying;
  }

  close(): void {
    this.isClosed = true;
  }

  private async verify(room: RoomId, top: KnownTop): Promise<void> {
    const { log, meta, channel } = this.keys.of(room);
    const blocks = [top, ...top.earlier].flatMap(({ offset, digest }) => [String(offset), digest]);
    const args = [String(top.epoch), newEpoch(), ...blocks];
    const isStillThere = await this.link.run(verifyScript, [log, meta, channel], args).then(
      (reply) => reply === 1,
      (thrown: unknown) => {
        // Who reads or writes it next is refused; nothing of it can be vouched for here.
        if (newerRoomIn(thrown)) return false;
        throw thrown;
      },
    );
    this.suspects.delete(room);
    if (isStillThere) return;
    if (this.tops.get(room)?.epoch === top.epoch) this.tops.delete(room);
    this.replaced(room);
  }

  /** Verify all suspects, some at a time. Never rejects. */
  private async sweep(): Promise<void> {
    this.isSweeping = true;
    while (this.suspects.size > 0 && !this.isClosed) {
      const slice: Promise<void>[] = [];
      for (const room of this.suspects.keys()) {
        if (slice.length === roomsPerSlice) break;
        slice.push(this.verified(room) ?? Promise.resolve());
      }
      const outcomes = await Promise.allSettled(slice);
      const hasFailed = outcomes.some(({ status }) => status === "rejected");
      if (hasFailed) await new Promise((resolve) => setTimeout(resolve, retryPauseMs).unref());
    }
    this.isSweeping = false;
  }
}

/** Without those blocks whose neighbours are near each other, as seen from the top. */
function thinned(top: number, blocks: readonly KnownBlock[]): KnownBlock[] {
  const kept: KnownBlock[] = [];
  for (const [index, block] of blocks.entries()) {
    const [newer, older] = [kept.at(-1), blocks[index + 1]];
    const isBetween = newer && older && top - older.offset <= spacing * (top - newer.offset);
    if (!isBetween) kept.push(block);
  }
  return kept.slice(0, maxEarlierBlocks);
}
