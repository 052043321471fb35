import { type Clock, type ClockLog, LogClock, type LogTime } from "../../core/index.js";
import type { Store } from "./store.js";

/** How often the log's time is stored, together with the next commit; in milliseconds. */
const keepEveryMs = 60_000;

const timeKey = Buffer.from("time");

/** The log's clock. Its time is stored, so that a start continues from it, at most a minute back. */
export class KeptClock {
  private readonly clock: LogClock;
  private keptAtMs = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly store: Store,
    clock: Clock,
    log: ClockLog,
  ) {
    const kept = store.meta.get(timeKey);
    const time = kept && { logMs: kept.readDoubleBE(0), wallMs: kept.readDoubleBE(8) };
    this.clock = new LogClock(clock, time, log);
  }

  read(): LogTime {
    return this.clock.read();
  }

  /** Store the time in the current commit, if that was not done for a minute. */
  keep({ logMs, wallMs }: LogTime): void {
    if (logMs - this.keptAtMs < keepEveryMs) return;
    this.keptAtMs = logMs;
    const value = Buffer.allocUnsafe(16);
    value.writeDoubleBE(logMs, 0);
    value.writeDoubleBE(wallMs, 8);
    void this.store.meta.put(timeKey, value);
  }
}
