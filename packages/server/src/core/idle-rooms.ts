import { ConfabError } from "@confab/contract";
import type { RoomLog, RoomState, Turns } from "./ports.js";
import type { Room } from "./room.js";

/** Rooms looked at before the event loop gets a turn: a hundred thousand of them must not be felt by the live ones. */
const roomsPerTurn = 256;

/** The pause before a log that could not be asked is asked again about suspects, in milliseconds. */
const retryPauseMs = 500;

export interface IdleRoomsDeps {
  readonly log: RoomLog;
  readonly turns: Turns;
  /** The rooms in use, live: what is added during a round is part of it, and what is removed is not. */
  readonly rooms: () => Iterable<Room>;
  /** The log behind a room is another one than the one its readers began with. */
  readonly replaced: (room: Room, state: RoomState) => void;
}

/**
 * Finds what a bus lost in silence. The fan-out sees a hole when a later message comes; where none comes, only the log
 * knows that the readers are behind. So a room of which nothing was heard for a whole round is compared with it.
 */
export class IdleRooms {
  private isUnderWay = false;
  /** Rooms of which something may have been missed, and that are compared without waiting for their round. */
  private readonly suspects = new Set<Room>();
  private isCheckingSuspects = false;

  constructor(private readonly deps: IdleRoomsDeps) {}

  /** Begin a round, unless the last one is still under way. */
  check(): void {
    if (this.isUnderWay) return;
    this.isUnderWay = true;
    this.continue(this.deps.rooms()[Symbol.iterator]());
  }

  /** Compare a room in a later turn. While the log cannot be asked it is tried again. */
  checkSoon(room: Room): void {
    this.suspects.add(room);
    if (this.isCheckingSuspects) return;
    this.isCheckingSuspects = true;
    this.deps.turns.afterTurn(() => void this.checkSuspects());
  }

  /** Never rejects. */
  private async checkSuspects(): Promise<void> {
    const failed = (await Promise.all(this.takeSuspects().map((room) => this.checkSuspect(room)))).includes(false);
    if (this.suspects.size === 0) this.isCheckingSuspects = false;
    else if (failed) this.deps.turns.afterMs(retryPauseMs, () => void this.checkSuspects());
    else this.deps.turns.afterTurn(() => void this.checkSuspects());
  }

  private takeSuspects(): Room[] {
    const taken: Room[] = [];
    for (const room of this.suspects) {
      if (taken.length === roomsPerTurn) break;
      this.suspects.delete(room);
      // Nobody is left who could have missed something.
      if (room.subscriberCount > 0) taken.push(room);
    }
    return taken;
  }

  private async checkSuspect(room: Room): Promise<boolean> {
    // From here on the room notices for itself what it hears.
    room.takeSilence();
    const isChecked = await this.checkRoom(room);
    if (!isChecked) this.suspects.add(room);
    return isChecked;
  }

  private continue(rooms: Iterator<Room>): void {
    this.deps.turns.afterTurn(() => void this.checkSome(rooms));
  }

  /** Never rejects. */
  private async checkSome(rooms: Iterator<Room>): Promise<void> {
    const checks: Promise<boolean>[] = [];
    let next = rooms.next();
    for (let count = 1; !next.done; count++) {
      if (next.value.takeSilence()) checks.push(this.checkRoom(next.value));
      if (count === roomsPerTurn) break;
      next = rooms.next();
    }
    // The log is asked for one slice at a time, so that a slow one gets no more questions than it can answer.
    await Promise.all(checks);
    if (next.done) this.isUnderWay = false;
    else this.continue(rooms);
  }

  /** False: the log could not be asked. */
  private async checkRoom(room: Room): Promise<boolean> {
    try {
      const state = await this.deps.log.state(room.id);
      // The bus may have lost that something was erased, too.
      room.forget();
      if (state.epoch === room.epoch) room.reach(state.newest);
      else this.deps.replaced(room, state);
      return true;
    } catch (thrown) {
      // A later version has taken the room over, and this node can read nothing of it any more.
      if (thrown instanceof ConfabError && thrown.code === "NEWER_FORMAT") {
        room.expelAll(() => thrown);
        return true;
      }
      // The log cannot be asked now. That is told to those who send and read; the next round asks again.
      return false;
    }
  }
}
