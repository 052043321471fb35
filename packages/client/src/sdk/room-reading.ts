import { ConfabError, formatPosition } from "@confab/contract";
import { whenAborted } from "../call-signal.js";
import { failureFrom } from "../client-fault.js";
import type { CallOptions, ChatMessage, IncomingSignal, Link, Listening, MessageFilter } from "../link.js";
import { networkFailure } from "../network-failure.js";
import { isSamePlace } from "../same-place.js";
import { type Start, startOf } from "../start-position.js";
import type { Clock } from "./clock.js";
import type { BeforeLive, Connector, Session } from "./connector.js";
import { watchSilence } from "./idle-check.js";
import { positionBefore, stepFrom } from "./position-order.js";
import { type Presence, PresenceFeed } from "./presence.js";
import { verdictOn } from "./verdict.js";

export interface ReadOptions {
  /** The last position seen: what came after it follows, then live messages. Not together with `history`. */
  readonly after?: string | undefined;
  /** Begin with this many of the newest messages; 0..1000. */
  readonly history?: number | undefined;
  /** Who reads; the client's user if undefined, and "" for nobody in particular. */
  readonly user?: string | undefined;
  /**
   * Also give out changes of messages (`ChatMessage.change`), as `fold` takes them. Otherwise messages only, and the server
   * alone sees to it that none is missing, since the offsets of changes are left out.
   */
  readonly changes?: boolean | undefined;
  /** Give out only messages that pass; the server leaves out the others. They alone count for `history`. Not with `changes`. */
  readonly filter?: MessageFilter | undefined;
  /** Ends the reading, without an error. */
  readonly signal?: AbortSignal | undefined;
  /**
   * What to do when messages are missed that the server no longer has (OUT_OF_RANGE): `fail`, the default, ends the
   * reading with that error; `oldest` and `newest` go on with the oldest message there is, or with what comes from now on,
   * after a `gap` event.
   */
  readonly onGap?: "fail" | "oldest" | "newest" | undefined;
  /** Hears the room's signals over the same subscription, each at most once: those of a lost connection are lost. */
  readonly onSignal?: ((signal: IncomingSignal) => void) | undefined;
  /** Hears who is there, who comes and who goes, over the same subscription. */
  readonly onPresence?: ((presence: Presence) => void) | undefined;
}

/** Messages that were missed and cannot be had any more. */
export interface Gap {
  readonly room: string;
  /** The last position before the gap. */
  readonly after: string;
  /** The position that reading goes on from. */
  readonly resumesAfter: string;
  /** OUT_OF_RANGE, with the range that the server has. */
  readonly error: ConfabError;
}

export interface ReadingOptions extends ReadOptions {
  /** After a lost connection, go on with what comes then and not with what was missed. */
  readonly isFromNow?: boolean | undefined;
}

export interface ReadDeps {
  readonly connector: Connector;
  readonly clock: Clock;
  readonly attemptTimeoutMs: number;
  readonly idleCheckMs: number;
  /** The wait before reading begins again where the server put it off. */
  retryDelayMs(failures: number, error: ConfabError): number;
  onGap(gap: Gap): void;
  /** A message is given out. */
  onGiven(room: string, position: string): void;
}

/** How often in a row a server may skip the same message before it is taken at its word that there is none. */
const maxSkips = 5;

/**
 * A room being read, through any number of connections: each message once, in order, without a hole. Iterate it once.
 *
 * The position moves before a message is given out, so that whoever resumes from within its handling does not get it again.
 */
export class RoomReading implements AsyncIterable<ChatMessage> {
  /** The last position given out, or where reading begins; undefined before the server was first asked. */
  position: string | undefined;
  /** The last message given out. */
  lastOut: ChatMessage | undefined;
  /** Where reading began, until the first message is given out, if the server chose it. */
  private start: Start | undefined;
  private skips = 0;
  private failures = 0;

  constructor(
    private readonly room: string,
    private readonly options: ReadingOptions,
    private readonly deps: ReadDeps,
  ) {
    this.position = options.after;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<ChatMessage, void, undefined> {
    const { signal } = this.options;
    const { connector } = this.deps;
    const askStart: BeforeLive = (link, bounds) => this.findStartEarly(link, bounds);
    connector.beforeLive.add(askStart);
    try {
      while (!signal?.aborted) {
        let session: Session | undefined;
        try {
          session = await connector.live(signal);
          yield* this.readOn(session);
        } catch (thrown) {
          if (signal?.aborted) return;
          if (!session) return this.clientClosed(thrown);
          await this.recover(session, failureFrom(thrown));
        }
      }
    } finally {
      connector.beforeLive.delete(askStart);
    }
  }

  /** No session will come any more. That is an error, unless it was the application's wish. */
  private clientClosed(error: unknown): void {
    const { state } = this.deps.connector;
    if (state.name !== "closed" || state.error) throw error;
  }

  /** What one session has, until it is lost. */
  private async *readOn(session: Session): AsyncGenerator<ChatMessage, void, undefined> {
    const attempt = new AbortController();
    const release = whenAborted(this.options.signal, () => attempt.abort());
    try {
      const listening = await this.begin(session, attempt);
      const iterator = listening[Symbol.asyncIterator]();
      const silence = watchSilence({
        ...this.deps,
        session,
        room: this.room,
        changes: this.options.changes,
        filter: this.options.filter,
        position: () => this.position,
        // What comes after a reconnect begins here: the server need not look again through what it leaves out.
        quiet: (position) => {
          this.position = position;
          this.start = undefined;
        },
      });
      try {
        for (let isFirst = true; ; ) {
          silence.begins();
          const { done, value } = await iterator.next();
          silence.ends();
          if (done) return;
          // A stream whose head comes with its first message says only then what its position is called now.
          if (isFirst) this.position = listening.position;
          isFirst = false;
          if (!this.advance(value.position)) continue;
          if (!this.options.isFromNow) this.deps.onGiven(this.room, value.position);
          this.lastOut = value;
          yield value;
        }
      } finally {
        silence.close();
        await iterator.return?.();
      }
    } finally {
      release();
      attempt.abort();
    }
  }

  /** Whatever is sent from the moment when the client is live belongs to the reading. */
  private async findStartEarly(link: Link, bounds: CallOptions): Promise<void> {
    try {
      await this.findStart(link, bounds);
    } catch (thrown) {
      const error = failureFrom(thrown);
      if (verdictOn(error) === "reconnect") throw error;
      // A refusal is of this room alone. Reading asks again, and is told the same.
    }
  }

  /** Ask where reading begins, unless it is known. A reading of what comes from now on needs no place. */
  private async findStart(link: Link, bounds: CallOptions): Promise<void> {
    if (this.position !== undefined || this.options.isFromNow) return;
    const { history, filter } = this.options;
    const start = await startOf(link, { room: this.room, history, filter }, bounds);
    // Asked twice at the same time, the earlier answer is the one that may have been acted on.
    if (this.position !== undefined) return;
    this.start = start;
    this.position = start.position;
  }

  private async begin({ link }: Session, attempt: AbortController): Promise<Listening> {
    const { clock, attemptTimeoutMs } = this.deps;
    const { user, isFromNow, changes, filter, onSignal, onPresence } = this.options;
    const { room } = this;
    const presence = onPresence && new PresenceFeed(onPresence);
    let isLate = false;
    const stopClock = clock.after(attemptTimeoutMs, () => {
      isLate = true;
      attempt.abort();
    });
    try {
      await this.findStart(link, { signal: attempt.signal });
      const after = isFromNow ? undefined : this.position;
      const request = { room, user, after, ...(changes && { changes }), ...(filter && { filter }) };
      const listening = await link.listen(request, {
        signal: attempt.signal,
        ...(onSignal && { onSignal }),
        ...(presence && { onPresence: (change) => presence.changed(change) }),
      });
      // A server that begins elsewhere than it was asked to would make a hole.
      if (after !== undefined && !isSamePlace(after, listening.position))
        throw skipped(`reading room ${room} began after ${listening.position} and not after ${after}`);
      this.position = listening.position;
      await presence?.begin(link, room, attempt.signal);
      return listening;
    } catch (error) {
      throw isLate ? networkFailure("ENGINE_UNAVAILABLE", `no answer within ${attemptTimeoutMs} ms`, error) : error;
    } finally {
      stopClock();
    }
  }

  /** Move on to a message. False: it was given out before. @throws PROTOCOL_VIOLATION: messages before it are missing. */
  private advance(next: string): boolean {
    const from = this.position ?? next;
    const step = stepFrom(from, next, !this.options.changes);
    if (step === "duplicate") return false;
    if (step === "gap") {
      this.skips++;
      throw skipped(`after ${from} the server sent ${next}`);
    }
    this.position = next;
    this.start = undefined;
    this.skips = 0;
    this.failures = 0;
    return true;
  }

  private async recover(session: Session, error: ConfabError): Promise<void> {
    if (error.code === "OUT_OF_RANGE") return this.leap(error);
    // The server ends a silent stream before a proxy cuts it. The connection is as good as before: the application sees
    // neither a change of state nor a wait.
    if (error.code === "IDLE_STREAM") {
      const { retryAfterMs = 0 } = error.facts;
      if (retryAfterMs > 0) await this.pause(retryAfterMs);
      return;
    }
    if (this.skips >= maxSkips) throw error;
    // Somebody else has found the session dead already; whatever this was, the next one decides.
    if (!session.isLive) return;
    const verdict = this.deps.connector.judge(session, error);
    if (verdict === "final") throw error;
    if (verdict === "retry") await this.pause(this.deps.retryDelayMs(this.failures++, error));
  }

  private leap(error: ConfabError): void {
    const { onGap = "fail" } = this.options;
    const { range } = error.facts;
    if (range && this.start && isOnlyHistory(this.start, range)) {
      this.position = positionBefore(range.epoch, range.oldest);
      return;
    }
    if (onGap === "fail" || !range || this.position === undefined) throw error;
    const nextOffset = onGap === "oldest" ? range.oldest : range.newest + 1;
    const resumesAfter = positionBefore(range.epoch, nextOffset);
    const after = this.position;
    this.position = resumesAfter;
    this.deps.onGap({ room: this.room, after, resumesAfter, error });
  }

  private pause(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      const releases: (() => void)[] = [];
      const over = () => {
        for (const release of releases) release();
        resolve();
      };
      releases.push(this.deps.clock.after(delayMs, over));
      releases.push(whenAborted(this.deps.connector.closed, over), whenAborted(this.options.signal, over));
    });
  }
}

/** Whether what was trimmed was there before reading began: of that, the reader gets what the room still has. */
function isOnlyHistory(
  { newest }: Start,
  { epoch, oldest }: { readonly epoch: number; readonly oldest: number },
): boolean {
  const step = stepFrom(newest, formatPosition({ epoch, offset: oldest }));
  return step !== "gap";
}

function skipped(message: string): ConfabError {
  return new ConfabError("PROTOCOL_VIOLATION", message);
}
