import { ConfabError, decodeChatMessage } from "@confab/contract";
import type { LogEntry } from "./blocks.js";
import type { Engine } from "./engine.js";
import { beginPiece, endPiece, scannedPiece } from "./newest-messages.js";
import { type LogPage, maxErasedTogether } from "./ports.js";
import type { RoomId } from "./room-id.js";
import type { Run } from "./run.js";
import type { ScanningShare } from "./scanning-share.js";
import { namelessTombstoneOf, tombstoneOf } from "./tombstone.js";

/** Pieces of the log that one call looks through, and pages of the list of rooms. */
const maxPiecesPerCall = 256;

/** Entries that one call erases, and up to a piece more. */
const maxErasedPerCall = 1_024;

/** Rooms that are listed at a time. */
const roomsPerPage = 64;

const oneEntry = { maxEntries: 1, maxBytes: 1 };

/** Where a call goes on that the one before has not finished. */
export interface ErasurePlace {
  readonly room: RoomId;
  /** Of the room when it was looked through. In another epoch it is looked through again. */
  readonly epoch: number;
  /** Up to where it was looked through. */
  readonly offset: number;
}

export interface ErasedUser {
  readonly messages: number;
  readonly changes: number;
  /** Rooms that were looked through to their end. */
  readonly rooms: number;
  /** Entries that could not be read, and are as they were. */
  readonly unreadable: number;
  /** Undefined: all rooms were looked through. */
  readonly next: ErasurePlace | undefined;
}

export interface UserErasing {
  readonly user: string;
  readonly from: ErasurePlace | undefined;
  readonly share: ScanningShare;
}

/**
 * Erase what a user has said and done in all rooms, the read marks, and the name, as far as one call comes.
 *
 * An edit of one of these messages by another user is erased as `eraseMessage` does it. Such an edit follows its message, so when
 * it is found its message was looked at before, in this call or in an earlier one.
 *
 * @throws what `RoomLog.erase` and reading throw; some of it is done then.
 */
export function eraseUser(engine: Pick<Engine, "log" | "marks">, erasing: UserErasing): Promise<ErasedUser> {
  return new UserErasure(engine, erasing).run();
}

class UserErasure {
  private messages = 0;
  private changes = 0;
  private rooms = 0;
  private unreadable = 0;
  private pieces = 0;
  /** What waits to be erased together: on a networked engine each erasure may write the whole room. */
  private found: LogEntry[] = [];

  constructor(
    private readonly engine: Pick<Engine, "log" | "marks">,
    private readonly erasing: UserErasing,
  ) {}

  async run(): Promise<ErasedUser> {
    const { from, share } = this.erasing;
    let next = from && (await this.eraseIn(from.room, from));
    for (let after = from?.room ?? ""; next === undefined; ) {
      await beginPiece(share);
      this.pieces++;
      const listed = await this.log.list("", after, roomsPerPage);
      await this.engine.marks.remove(
        this.erasing.user,
        listed.map(({ room }) => room),
      );
      for (const { room } of listed) {
        next = await this.eraseIn(room);
        if (next) break;
        after = room;
      }
      if (listed.length < roomsPerPage) break;
    }
    const { messages, changes, rooms, unreadable } = this;
    return { messages, changes, rooms, unreadable, next };
  }

  private get log(): Engine["log"] {
    return this.engine.log;
  }

  private get isEnough(): boolean {
    return this.pieces >= maxPiecesPerCall || this.messages + this.changes >= maxErasedPerCall;
  }

  /** Where to go on; undefined: the room was looked through. */
  private async eraseIn(room: RoomId, from?: ErasurePlace): Promise<ErasurePlace | undefined> {
    let { epoch, offset: seen } = from ?? { epoch: undefined, offset: 0 };
    for (;;) {
      if (this.isEnough) {
        await this.eraseFound(room, epoch);
        return { room, epoch: epoch ?? 0, offset: seen };
      }
      const page = await this.read(room, seen);
      if (typeof page === "number") {
        seen = page;
        continue;
      }
      if (epoch !== undefined && page.epoch !== epoch) {
        // It was made again, or its log was replaced. Nothing is known of that one yet.
        this.found = [];
        [epoch, seen] = [page.epoch, 0];
        continue;
      }
      epoch = page.epoch;
      await this.find(room, page.run);
      if (this.found.length >= maxErasedTogether) await this.eraseFound(room, epoch);
      seen = Math.max(seen, page.run.last);
      if (page.run.count > 0 && seen < page.newest) continue;
      if (await this.eraseFound(room, epoch)) break;
      // What was not erased may be in the log that has taken this one's place.
      [epoch, seen] = [undefined, 0];
    }
    this.rooms++;
    return undefined;
  }

  /** The entries that follow; or, where they cannot be read, the offset after which to go on. */
  private async read(room: RoomId, seen: number): Promise<LogPage | number> {
    const { share } = this.erasing;
    await beginPiece(share);
    this.pieces++;
    try {
      const page = await this.log.readForward(room, seen, scannedPiece);
      endPiece(share, page.run);
      return page;
    } catch (thrown) {
      if (!(thrown instanceof ConfabError) || thrown.code !== "DATA_LOSS") throw thrown;
      const { oldest, newest } = await this.log.state(room);
      const first = Math.max(seen + 1, oldest);
      // It may have been trimmed by now: then the next reading finds the end.
      if (first > newest) return newest;
      const last = Math.max(first, Math.min(lastDamaged(thrown) ?? first, newest));
      this.unreadable += last - first + 1;
      return last;
    }
  }

  private async find(room: RoomId, run: Run): Promise<void> {
    for (const { offset, body } of run.entries) {
      const message = decodeChatMessage(body);
      const { user, change, deleted } = message;
      const isUsers = user === this.erasing.user;
      if (!isUsers && (change?.kind !== "edit" || deleted || !(await this.isErased(room, change.target)))) continue;
      this.found.push({ offset, body: isUsers ? namelessTombstoneOf(message) : tombstoneOf(body) });
      if (change) this.changes++;
      else this.messages++;
    }
  }

  /** Whether the message that an edit is of is erased, or will be. */
  private async isErased(room: RoomId, offset: number): Promise<boolean> {
    try {
      const { run } = await this.log.readForward(room, offset - 1, oneEntry);
      const [entry] = run.entries;
      if (entry?.offset !== offset) return false;
      const { user, deleted } = decodeChatMessage(entry.body);
      return user === this.erasing.user || deleted === true;
    } catch (thrown) {
      // Whose message it was is not known. It cannot be shown any more, and its edit has no view.
      if (thrown instanceof ConfabError && thrown.code === "DATA_LOSS") return false;
      throw thrown;
    }
  }

  /** False: the room has gone, or has another epoch. */
  private async eraseFound(room: RoomId, epoch: number | undefined): Promise<boolean> {
    let isSame = true;
    while (this.found.length > 0 && epoch !== undefined)
      isSame = (await this.erase(room, epoch, this.found.splice(0, maxErasedTogether))) && isSame;
    return isSame;
  }

  /** False: the room has gone, or has another epoch. */
  private async erase(room: RoomId, epoch: number, bodies: readonly LogEntry[]): Promise<boolean> {
    try {
      await this.log.erase(room, epoch, bodies, this.erasing.share);
      return true;
    } catch (thrown) {
      if (!(thrown instanceof ConfabError) || thrown.code !== "OUT_OF_RANGE") throw thrown;
      const state = await this.log.state(room);
      if (state.epoch !== epoch) return false;
      // Some were trimmed since they were read.
      const left = bodies.filter(({ offset }) => offset >= state.oldest);
      if (left.length === bodies.length) throw thrown;
      return left.length === 0 || this.erase(room, epoch, left);
    }
  }
}

function lastDamaged(thrown: ConfabError): number | undefined {
  return "last" in thrown && typeof thrown.last === "number" ? thrown.last : undefined;
}
