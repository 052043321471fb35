import { ConfabError, type Limits } from "@confab/contract";
import { type Repeat, repeatByTimer } from "./repeat.js";

/** A stream or WebSocket on which messages are sent for as long as its client likes. */
export interface StallingReader {
  /** Bytes that wait in this process for the client. */
  readonly queuedBytes: number;
  /** Changes whenever the client takes some of the bytes that wait. */
  readonly takenBytes: number;
  /** Owned by `ReaderStalls`: `takenBytes` when bytes were last seen to wait. */
  seenTakenBytes: number;
  /** Owned by `ReaderStalls`: sweeps in a row that saw bytes wait and none taken. */
  stalledSweeps: number;
  /** End the subscriptions now, and the stream with this error behind the bytes that wait. */
  endStalled(error: ConfabError): void;
}

/** A stall is seen after its time and at most this part of it later. */
const sweepsPerStall = 20;

/** A sweep over a hundred thousand readers would hold up everything else; it is done in this many parts. */
const parts = 4;

/**
 * The one rule for slow readers, on every transport: a reader for which bytes wait and that takes none of them for
 * `readerStallMs` is ended with SLOW_READER. A reader that takes some of them in that time is kept, however slow it is.
 *
 *   bytes wait, some taken ──► kept, caught up from the log
 *   bytes wait, none taken ──► readerStallMs: left its rooms, SLOW_READER queued ──► replyStallMs: bytes dropped
 *   none wait              ──► the kernel has them all. What becomes of them is found by pings, where the transport has pings
 *
 * Time is counted in sweeps and not by a clock: when this process was suspended, no reader is blamed for it. The timer runs
 * only while there are readers. Nothing is done per message.
 */
export class ReaderStalls {
  private readonly groups: readonly Set<StallingReader>[] = Array.from({ length: parts }, () => new Set());
  private readonly stallMs: number;
  private readonly repeat: Repeat;
  private readers = 0;
  private added = 0;
  private next = 0;
  private stopTimer: (() => void) | undefined;

  constructor({ readerStallMs }: Pick<Limits, "readerStallMs">, repeat: Repeat = repeatByTimer) {
    this.stallMs = readerStallMs;
    this.repeat = repeat;
  }

  /** The stream has begun; once. Its owner deletes it when it ends. */
  add(reader: StallingReader): void {
    this.groups[this.added++ % parts]?.add(reader);
    this.readers++;
    this.stopTimer ??= this.repeat(this.stallMs / sweepsPerStall / parts, () => this.sweepNextGroup());
  }

  /** Harmless when it was not added. */
  delete(reader: StallingReader): void {
    if (!this.groups.some((group) => group.delete(reader))) return;
    this.readers--;
    if (this.readers > 0) return;
    this.stopTimer?.();
    this.stopTimer = undefined;
  }

  private sweepNextGroup(): void {
    const group = this.groups[this.next] ?? [];
    this.next = (this.next + 1) % parts;
    // A set may lose members while it is walked, which is what `endStalled` does.
    for (const reader of group) this.check(reader);
  }

  private check(reader: StallingReader): void {
    if (reader.queuedBytes === 0) {
      reader.stalledSweeps = 0;
      return;
    }
    const { takenBytes } = reader;
    if (reader.stalledSweeps === 0 || takenBytes !== reader.seenTakenBytes) {
      reader.seenTakenBytes = takenBytes;
      reader.stalledSweeps = 1;
      return;
    }
    reader.stalledSweeps++;
    // The first sweep began the time.
    if (reader.stalledSweeps <= sweepsPerStall) return;
    this.delete(reader);
    const text = `nothing of what was sent was taken for ${this.stallMs} ms (readerStallMs): subscribe again after the last position`;
    reader.endStalled(new ConfabError("SLOW_READER", text, { retryAfterMs: 0 }));
  }
}
