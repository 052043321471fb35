import { formatPosition, parsePosition } from "@confab/contract";
import { describe, type Entry, isSame, type ReaderEvidence, type Reading, type RoomEvidence } from "./evidence.js";

/**
 * What is known of logs that were lost and replaced, on purpose. Nobody can read them any more, so what their readers and
 * senders saw of them is held against each other:
 *
 * - A reader who was told OUT_OF_RANGE had heard one log, without a gap, and that log is indeed gone.
 * - Two readers of one log heard the same at the same place, and a message that was acknowledged there is what was heard there.
 */
export class LostLogs {
  private readonly epochs = new Map<string, number>();
  private readonly heard = new Map<string, Entry>();

  constructor(
    rooms: readonly RoomEvidence[],
    private readonly mayBe: boolean,
  ) {
    for (const { room, entries } of rooms) if (entries[0]) this.epochs.set(room, entries[0].epoch);
  }

  /** Whether the position is one of a log that was lost. */
  has(room: string, position: string): boolean {
    return this.mayBe && parsePosition(position)?.epoch !== this.epochs.get(room);
  }

  /** The first thing that is wrong with what a reader heard of logs that were lost; to be asked before `ackFault`. */
  readerFault({ room, ended }: ReaderEvidence): string | undefined {
    for (const reading of ended) {
      const fault = this.mayBe ? this.readingFault(room, reading) : "it was told OUT_OF_RANGE, and no log was lost";
      if (fault !== undefined) return fault;
    }
    return undefined;
  }

  ackFault(room: string, id: string, position: string): string | undefined {
    const entry = this.heard.get(`${room} ${position}`);
    if (!entry || entry.id === id) return undefined;
    return `message ${id} was acknowledged at ${position} of a lost log, where ${entry.id} was heard`;
  }

  private readingFault(room: string, { startOffset, heard }: Reading): string | undefined {
    let due = (startOffset ?? 0) + 1;
    const [first] = heard;
    for (const entry of heard) {
      const position = formatPosition(entry);
      if (entry.epoch !== first?.epoch)
        return `${entry.id} at ${position} came among messages of epoch ${first?.epoch}`;
      if (entry.epoch === this.epochs.get(room))
        return `it was told OUT_OF_RANGE after ${position}, of a log that is there`;
      if (entry.offset !== due) return `${entry.id} at ${position} of a lost log came where ${due} was due`;
      due++;
      const other = this.heard.get(`${room} ${position}`);
      if (other && !isSame(entry, other))
        return `at ${position} of a lost log it heard ${describe(entry)}; another reader heard ${describe(other)}`;
      this.heard.set(`${room} ${position}`, entry);
    }
    return undefined;
  }
}
