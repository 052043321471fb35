import type { ConfabError } from "@confab/contract";
import type { Encoding, LogEntry, PresenceChange, RoomId, Signal, Sink } from "../core/index.js";

/** An encoding whose bytes are the offsets, so that a test reads what a sink was given. It counts the runs it encoded. */
export class OffsetEncoding implements Encoding {
  encodings = 0;

  constructor(readonly name = "offsets") {}

  encode(_room: RoomId, epoch: number, entries: readonly LogEntry[]): Uint8Array {
    this.encodings++;
    return Buffer.from(entries.map(({ offset }) => `${epoch}:${offset} `).join(""));
  }
}

/** A sink that keeps what it is given, and has room for as many writes as the test says. */
export class RecordingSink implements Sink {
  readonly offsets: number[] = [];
  readonly epochs = new Set<number>();
  readonly writes: Uint8Array[] = [];
  readonly presenceChanges: PresenceChange[] = [];
  readonly signals: Signal[] = [];
  endedWith: ConfabError | undefined;
  /** Writes until it is full, counted down. */
  roomForWrites = Number.POSITIVE_INFINITY;

  constructor(readonly encoding: Encoding = new OffsetEncoding()) {}

  write(bytes: Uint8Array): boolean {
    this.writes.push(bytes);
    for (const text of Buffer.from(bytes).toString().split(" ").slice(0, -1)) {
      const [epoch = "", offset = ""] = text.split(":");
      this.epochs.add(Number(epoch));
      this.offsets.push(Number(offset));
    }
    this.roomForWrites--;
    return this.roomForWrites > 0;
  }

  ended(error: ConfabError): void {
    this.endedWith = error;
  }

  presence(change: PresenceChange): void {
    this.presenceChanges.push(change);
  }

  signal(signal: Signal): void {
    this.signals.push(signal);
  }
}
