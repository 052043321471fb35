import { parsePosition } from "@confab/contract";
import type { ReadMark } from "../link.js";
import type { Calls } from "./calls.js";

/** As long as timers can wait, in milliseconds: a mark waits for a connection as a send does. */
const patienceMs = 2_147_483_647;

/** A mark that is told when the one before it has been answered. */
interface Waiting {
  position: string;
  readonly marked: Promise<ReadMark>;
}

/**
 * Tells the server how far rooms were read: for each room and user one mark at a time, and of those that come meanwhile the
 * furthest. A mark only moves forward, so it is told again after a lost connection.
 */
export class ReadMarker {
  /** The newest position that was given out, by room. */
  private readonly given = new Map<string, string>();
  private readonly waiting = new Map<string, Waiting>();
  private readonly last = new Map<string, Promise<ReadMark>>();

  constructor(private readonly calls: Calls) {}

  /** A message of the room was given to the application. */
  gave(room: string, position: string): void {
    this.given.set(room, furthest(position, this.given.get(room)));
  }

  /** `position`: what was given out last if undefined. Resolves to undefined where that is nothing. */
  async mark(room: string, user: string, position = this.given.get(room)): Promise<ReadMark | undefined> {
    if (position === undefined) return undefined;
    const key = `${user}\0${room}`;
    const waiting = this.waiting.get(key);
    if (waiting) {
      waiting.position = furthest(position, waiting.position);
      return waiting.marked;
    }
    const before = this.last.get(key);
    const marked = Promise.resolve(before)
      .catch(() => undefined)
      .then(() => {
        this.waiting.delete(key);
        const request = { room, user, position: next.position };
        return this.calls.read((link, bounds) => link.markRead(request, bounds), { timeoutMs: patienceMs });
      })
      .finally(() => {
        if (this.last.get(key) === marked) this.last.delete(key);
      });
    const next: Waiting = { position, marked };
    this.waiting.set(key, next);
    this.last.set(key, marked);
    return marked;
  }
}

/** Of two positions of one epoch; of others the first one, which is of the log now. */
function furthest(position: string, before = position): string {
  const [now, then] = [parsePosition(position), parsePosition(before)];
  return now && then && now.epoch === then.epoch && then.offset > now.offset ? before : position;
}
