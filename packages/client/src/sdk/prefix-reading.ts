import { ConfabError } from "@confab/contract";
import { whenAborted } from "../call-signal.js";
import { failureFrom } from "../client-fault.js";
import type { ChatMessage } from "../link.js";
import { isSamePlace } from "../same-place.js";
import type { Session } from "./connector.js";
import { pause } from "./pause.js";
import { positionBefore, stepFrom } from "./position-order.js";
import type { ReadDeps, ReadOptions } from "./room-reading.js";

export interface PrefixReadOptions
  extends Pick<ReadOptions, "user" | "history" | "changes" | "signal" | "onGap" | "onSignal"> {
  /**
   * `positions` of an earlier reading of the prefix, which is resumed by room; rooms that are not in it are read from their first
   * message. Undefined: all rooms begin with what is sent from now on, or with `history`.
   */
  readonly after?: ReadonlyMap<string, string> | undefined;
}

export interface PrefixMessages extends AsyncIterable<ChatMessage> {
  /**
   * The last position given out of each room, or where its reading began: `after` of a later reading. It moves with the
   * reading. Undefined before the server first said which rooms there are.
   */
  readonly positions: ReadonlyMap<string, string> | undefined;
}

/** How often in a row a server may skip messages of a room before it is taken for an error. */
const maxSkips = 5;

/** The rooms of a prefix being read, through any number of connections. Iterate it once. */
export class PrefixReading implements PrefixMessages {
  private readonly places: Map<string, string>;
  /** The last message given out. */
  lastOut: ChatMessage | undefined;
  /** All rooms have begun that were there: those that are found from now on are new. */
  private isComplete: boolean;
  private skips = 0;
  private failures = 0;

  constructor(
    private readonly prefix: string,
    private readonly options: PrefixReadOptions,
    private readonly deps: ReadDeps,
  ) {
    this.places = new Map(options.after);
    this.isComplete = options.after !== undefined;
  }

  get positions(): ReadonlyMap<string, string> | undefined {
    return this.isComplete ? this.places : undefined;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<ChatMessage, void, undefined> {
    const { signal } = this.options;
    const { connector } = this.deps;
    while (!signal?.aborted) {
      let session: Session | undefined;
      try {
        session = await connector.live(signal);
        yield* this.readOn(session);
      } catch (thrown) {
        if (signal?.aborted) return;
        if (session) await this.recover(session, failureFrom(thrown));
        // No session will come any more. That is an error, unless it was the application's wish.
        else if (connector.state.name === "closed" && !connector.state.error) return;
        else throw thrown;
      }
    }
  }

  /** What one session has, until it is lost or its queue was full. */
  private async *readOn({ link }: Session): AsyncGenerator<ChatMessage, void, undefined> {
    const { prefix, places } = this;
    const { user, history, changes, signal, onSignal } = this.options;
    const attempt = new AbortController();
    const release = whenAborted(signal, () => attempt.abort());
    try {
      const request = { prefix, user, history, changes, after: places, resumed: this.isComplete };
      const listening = await link.listenPrefix?.(request, {
        signal: attempt.signal,
        ...(onSignal && { onSignal }),
        onGap: (error) => this.leap(error),
        onRoom: (room, position) => this.began(room, position),
        onComplete: () => {
          this.isComplete = true;
          this.failures = 0;
        },
      });
      if (!listening)
        throw new ConfabError("UNKNOWN_METHOD", `a prefix of rooms needs frames; ${link.transport} has none`);
      for await (const message of listening) {
        if (!this.advance(message)) continue;
        this.lastOut = message;
        yield message;
      }
    } finally {
      release();
      attempt.abort();
    }
  }

  private began(room: string, position: string): void {
    const known = this.places.get(room);
    // The same place may have another name after a restore. Anything else shows in the next message.
    if (known === undefined || isSamePlace(known, position)) this.places.set(room, position);
  }

  /** Move on to a message. False: it was given out before. @throws PROTOCOL_VIOLATION: messages before it are missing. */
  private advance({ room, position }: ChatMessage): boolean {
    const before = this.places.get(room);
    const step = before === undefined ? "next" : stepFrom(before, position, !this.options.changes);
    if (step === "duplicate") return false;
    if (step === "gap") {
      this.skips++;
      throw new ConfabError("PROTOCOL_VIOLATION", `after ${before} of ${room} the server sent ${position}`);
    }
    // Before the message is given out, so that a reading that is resumed from within its handling does not get it again.
    this.places.set(room, position);
    this.skips = 0;
    return true;
  }

  private async recover(session: Session, error: ConfabError): Promise<void> {
    if (error.code === "OUT_OF_RANGE") return this.leap(error);
    if (this.skips >= maxSkips) throw error;
    if (!session.isLive) return;
    const { connector, clock, retryDelayMs } = this.deps;
    const verdict = connector.judge(session, error);
    if (verdict === "final") throw error;
    if (verdict === "retry")
      await pause(clock, retryDelayMs(this.failures++, error), connector.closed, this.options.signal);
  }

  /** Messages of one room were missed and cannot be had any more. */
  private leap(error: ConfabError): void {
    const { onGap = "fail" } = this.options;
    const { range } = error.facts;
    const after = range && this.places.get(range.room);
    if (onGap === "fail" || !range || after === undefined) throw error;
    const { room, epoch, oldest, newest } = range;
    const resumesAfter = positionBefore(epoch, onGap === "oldest" ? oldest : newest + 1);
    // A room that has gone away is read from its first message when it is made again.
    if (newest === 0) this.places.delete(room);
    else this.places.set(room, resumesAfter);
    this.deps.onGap({ room, after, resumesAfter, error });
  }
}
