import type { Clock } from "./ports.js";

/** The two times of a log. They are stored with it, and the next start continues from them. */
export interface LogTime {
  /** Measures the windows of ids: it elapses and is never set. It was the wall clock when the log was made. */
  readonly logMs: number;
  /** The wall clock, as far as it is believed. Messages are stamped by the wall clock, so this gives their age. */
  readonly wallMs: number;
}

/** Where doubts about the wall clock are logged. */
export interface ClockLog {
  warn(facts: object, message: string): void;
}

/** How far the wall clock may go forward at once, beyond the time that passed, and be believed; in milliseconds. */
const maxStepMs = 60_000;

/** How long a log may have been closed, by the wall clock, for this to be believed; in milliseconds. */
const maxClosedMs = 86_400_000;

/** How long the wall clock must stay where it went to be believed, in milliseconds. */
const doubtMs = 3_600_000;

/** The shortest time between two log lines about the clock, in milliseconds: a clock that hops must not fill a log file. */
const logPauseMs = 60_000;

/** The wall clock went forward by this much, and is not believed yet. */
interface Doubt {
  readonly aheadMs: number;
  readonly sinceMs: number;
}

/**
 * The time that decides how long a log keeps ids and messages, made of a wall clock that may be wrong and a monotonic one.
 *
 * - `logMs` continues from where it was, plus the time for which the log was closed. A wall clock that is set while the log
 *   is open does not change it.
 * - `wallMs` follows the wall clock back at once: messages are only kept for longer. It follows the wall clock forward by
 *   more than a minute only after an hour: what a wrong clock drops is lost.
 */
export class LogClock {
  private readonly openedAtMs: number;
  private readonly logMsAtOpening: number;
  private believedMs: number;
  private readAtMs: number;
  private doubt: Doubt | undefined;
  private loggedAtMs = Number.NEGATIVE_INFINITY;

  /** @param kept the time that was stored with the log; undefined: the log is new. */
  constructor(
    private readonly clock: Clock,
    kept: LogTime | undefined,
    private readonly log: ClockLog,
  ) {
    const wallMs = clock.nowMs();
    this.openedAtMs = clock.monotonicMs();
    this.readAtMs = this.openedAtMs;
    const closedMs = kept ? wallMs - kept.wallMs : 0;
    const isBelievable = closedMs <= maxClosedMs;
    this.logMsAtOpening = kept ? kept.logMs + (isBelievable ? Math.max(0, closedMs) : 0) : wallMs;
    this.believedMs = kept && !isBelievable ? kept.wallMs : wallMs;
    if (!isBelievable) this.doubtAhead(closedMs, this.openedAtMs, "is past the log's newest message");
  }

  read(): LogTime {
    const nowMs = this.clock.monotonicMs();
    const wallMs = this.clock.nowMs();
    const expectedMs = this.believedMs + nowMs - this.readAtMs;
    this.readAtMs = nowMs;
    this.believedMs = this.isBelieved(wallMs - expectedMs, nowMs) ? wallMs : expectedMs;
    return { logMs: this.logMsAtOpening + nowMs - this.openedAtMs, wallMs: this.believedMs };
  }

  private isBelieved(aheadMs: number, nowMs: number): boolean {
    if (aheadMs > maxStepMs) {
      // A clock that goes on to somewhere else has not stayed: the hour begins again.
      const isOther = !this.doubt || Math.abs(aheadMs - this.doubt.aheadMs) > maxStepMs;
      if (isOther) this.doubtAhead(aheadMs, nowMs, "went forward");
      if (this.doubt && nowMs - this.doubt.sinceMs < doubtMs) return false;
    }
    this.doubt = undefined;
    return true;
  }

  private doubtAhead(aheadMs: number, nowMs: number, what: string): void {
    this.doubt = { aheadMs, sinceMs: nowMs };
    if (nowMs - this.loggedAtMs < logPauseMs) return;
    this.loggedAtMs = nowMs;
    const text = `the clock ${what} by ${durationText(aheadMs)}; retention by age waits an hour before it believes it`;
    this.log.warn({ aheadMs: Math.round(aheadMs) }, text);
  }
}

function durationText(ms: number): string {
  const [size, unit] = ms >= 86_400_000 ? [86_400_000, "days"] : [60_000, "minutes"];
  return `${(ms / size).toFixed(1)} ${unit}`;
}
