import type { ConfabError } from "@confab/contract";
import type { Encoding, EventEncoding, EventSink, PresenceChange, RoomId, Run, Signal, Sink } from "../core/index.js";

import { type Share, Work } from "../work/index.js";

/** An encoding whose bytes are the offsets, so that a test reads what a sink was given. It counts the runs it encoded. */
export class OffsetEncoding implements Encoding {
  encodings = 0;

  constructor(readonly name = "offsets") {}

  encode(_room: RoomId, epoch: number, run: Run): Uint8Array {
    this.encodings++;
    return Buffer.from(run.entries.map(({ offset }) => `${epoch}:${offset} `).join(""));
  }
}

type RecordedEvent = { readonly presence: PresenceChange & { readonly members: number } } | { readonly signal: Signal };

/** Events as lines of JSON. It counts the events it encoded. */
export class LineEncoding implements EventEncoding {
  encodings = 0;

  presence(change: PresenceChange, members: number): Uint8Array {
    return this.line({ presence: { ...change, members } });
  }

  signal(signal: Signal): Uint8Array {
    return this.line({ signal });
  }

  private line(event: RecordedEvent): Uint8Array {
    this.encodings++;
    return Buffer.from(`${JSON.stringify(event)}\n`);
  }
}

/** A sink that keeps what it is given, and has room for as many writes as the test says. It wants to hear of everything. */
export class RecordingSink implements Sink {
  readonly offsets: number[] = [];
  readonly epochs = new Set<number>();
  readonly writes: Uint8Array[] = [];
  readonly presenceChanges: (PresenceChange & { readonly members: number })[] = [];
  readonly signals: Signal[] = [];
  /** The events of each write. */
  readonly eventWrites: number[] = [];
  readonly events: EventSink;
  endedWith: ConfabError | undefined;
  /** Writes until it is full, counted down. */
  roomForWrites = Number.POSITIVE_INFINITY;

  constructor(
    readonly encoding: Encoding = new OffsetEncoding(),
    eventEncoding: EventEncoding = new LineEncoding(),
    /** Default: that of a separate connection. */
    readonly share: Share = new Work().share(),
  ) {
    const write = (bytes: Uint8Array) => this.takeEvents(bytes);
    this.events = { encoding: eventEncoding, wantsPresence: true, wantsSignals: true, write };
  }

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

  private takeEvents(bytes: Uint8Array): void {
    const lines = Buffer.from(bytes).toString().split("\n").slice(0, -1);
    this.eventWrites.push(lines.length);
    for (const line of lines) {
      const event = JSON.parse(line) as RecordedEvent;
      if ("presence" in event) this.presenceChanges.push(event.presence);
      else this.signals.push(event.signal);
    }
  }
}
