import type { RoomId } from "../../core/index.js";
import { blockDigest } from "./blocks.js";
import type { Keys } from "./keys.js";
import { newEpoch } from "./new-epoch.js";
import { verifyScript } from "./scripts/verify.js";
import type { Session } from "./session.js";

/** The last block of a room that this node knows to have been in the log. */
interface KnownTop {
  readonly epoch: number;
  /** The last of the block. */
  readonly offset: number;
  /** Tells this block from another one at its place. */
  readonly digest: string;
}

/** Rooms remembered; beyond it the ones longest unused are forgotten, and a loss in them is not noticed. */
const maxKnownRooms = 100_000;

/** Rooms verified in one go: it bounds what waits for an answer. */
const roomsPerSlice = 1_000;

/**
 * What this node knows of the tops of rooms, to notice that a Redis came back older than it was: restored from a snapshot, or
 * a replica that had lagged became the master. It has the same epochs then, and would give old positions to new messages.
 *
 * A room that has gone back gets another epoch, before this node appends anything to it.
 */
export class KnownTops {
  /** In order of use, the oldest first. */
  private readonly tops = new Map<RoomId, KnownTop>();

  constructor(
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
    if (known && known.epoch === epoch && known.offset >= offset) return;
    this.tops.delete(room);
    this.tops.set(room, { epoch, offset, digest });
    if (this.tops.size <= maxKnownRooms) return;
    const [eldest] = this.tops.keys();
    if (eldest !== undefined) this.tops.delete(eldest);
  }

  /** Compare what is known with a server that may be another one, or the same with less in it. @throws what the session throws. */
  async verify(session: Session, isHere: (room: RoomId) => boolean): Promise<void> {
    const here = [...this.tops].filter(([room]) => isHere(room));
    for (let from = 0; from < here.length; from += roomsPerSlice) {
      await Promise.all(
        here.slice(from, from + roomsPerSlice).map(([room, top]) => this.verifyOne(session, room, top)),
      );
    }
  }

  private async verifyOne(session: Session, room: RoomId, { epoch, offset, digest }: KnownTop): Promise<void> {
    const { log, meta, channel } = this.keys.of(room);
    const args = [String(epoch), String(offset), digest, newEpoch()];
    const isStillThere = (await session.run(verifyScript, [log, meta, channel], args)) === 1;
    if (isStillThere) return;
    this.tops.delete(room);
    this.replaced(room);
  }
}
