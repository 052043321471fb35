import { type Clock, type ClockLog, LogClock } from "../../core/index.js";
import type { Keys } from "./keys.js";
import type { RedisLink } from "./redis-link.js";

/** How often a node stores its time in Redis, in milliseconds. */
const keepEveryMs = 60_000;

export interface AgeClockDeps {
  readonly link: RedisLink;
  readonly keys: Keys;
  readonly clock: Clock;
  readonly log: ClockLog;
}

/**
 * The time by which this node drops messages of a certain age. The append script takes this or Redis's own time, whichever
 * is earlier: a room is lost only when both clocks are wrong.
 */
export class AgeClock {
  private clock: LogClock | undefined;
  private keptAtMs = Number.NEGATIVE_INFINITY;

  constructor(private readonly deps: AgeClockDeps) {}

  /** Milliseconds since 1970; 0, at which nothing is old, before `open`. */
  nowMs(): number {
    return this.clock?.read().wallMs ?? 0;
  }

  /** Compare the clock with what the nodes stored last. @throws what the link throws. */
  async open(): Promise<void> {
    const { link, keys, clock, log } = this.deps;
    const text = await link.send(keys.clock, ["GET", keys.clock]);
    const wallMs = text === null ? undefined : Number(text);
    this.clock = new LogClock(clock, wallMs === undefined ? undefined : { logMs: wallMs, wallMs }, log);
    await this.keep();
  }

  /** To be called from time to time. @throws what the link throws. */
  async keep(): Promise<void> {
    const { link, keys, clock } = this.deps;
    const nowMs = this.nowMs();
    if (clock.monotonicMs() - this.keptAtMs < keepEveryMs) return;
    this.keptAtMs = clock.monotonicMs();
    await link.send(keys.clock, ["SET", keys.clock, String(Math.round(nowMs))]);
  }
}
