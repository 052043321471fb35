import { type Repeat, repeatByTimer } from "../../http/repeat.js";

/** A stream that a proxy would cut if nothing were sent on it for long. */
export interface IdleStream {
  /** Sweeps since something was sent last: the stream sets it to 0 whenever it sends. */
  quietSweeps: number;
  /** The sweeps without a byte after which the stream ends. Set by `IdleStreams.add`. */
  maxQuietSweeps: number;
  /** Bytes that wait for the client. */
  readonly queuedBytes: number;
  endIdle(): void;
}

export interface IdleStreamsOptions {
  /** `limits.idleStreamEndMs`. 0: no stream ends for being idle. */
  readonly idleStreamEndMs: number;
  /** From 0 to below 1; spreads the ends of streams that have been idle since the same message. */
  readonly random?: () => number;
  readonly repeat?: Repeat;
}

/** Into so many sweeps the time is divided: streams that fell silent together end over a fifth of these. */
const sweepsPerEnd = 100;

/** Sweeps follow each other no faster than this, in milliseconds. */
const minSweepMs = 10;

/**
 * Ends streams on which nothing was sent for `idleStreamEndMs`, or up to a fifth less: spread, so that the clients of a
 * quiet room do not all come back in the same moment. One timer for all of them, which runs only while there are streams.
 *
 * A stream whose client has yet to take what was sent is not idle.
 */
export class IdleStreams {
  private readonly streams = new Set<IdleStream>();
  private readonly sweepMs: number;
  private readonly maxSweeps: number;
  private readonly random: () => number;
  private readonly repeat: Repeat;
  private stopTimer: (() => void) | undefined;

  constructor({ idleStreamEndMs, random = Math.random, repeat = repeatByTimer }: IdleStreamsOptions) {
    this.sweepMs = Math.max(minSweepMs, idleStreamEndMs / sweepsPerEnd);
    this.maxSweeps = idleStreamEndMs === 0 ? 0 : Math.max(1, Math.floor(idleStreamEndMs / this.sweepMs));
    this.random = random;
    this.repeat = repeat;
  }

  /** The stream has begun. Its owner deletes it when it ends. */
  add(stream: IdleStream): void {
    if (this.maxSweeps === 0) return;
    const spread = Math.floor(this.maxSweeps / 5);
    stream.quietSweeps = 0;
    stream.maxQuietSweeps = this.maxSweeps - Math.floor(this.random() * (spread + 1));
    this.streams.add(stream);
    this.stopTimer ??= this.repeat(this.sweepMs, () => this.sweep());
  }

  /** Harmless when it was not added. */
  delete(stream: IdleStream): void {
    if (!this.streams.delete(stream) || this.streams.size > 0) return;
    this.stopTimer?.();
    this.stopTimer = undefined;
  }

  private sweep(): void {
    // A set may lose members while it is walked, which is what `endIdle` does.
    for (const stream of this.streams) {
      if (stream.queuedBytes > 0) stream.quietSweeps = 0;
      else if (++stream.quietSweeps >= stream.maxQuietSweeps) stream.endIdle();
    }
  }
}
