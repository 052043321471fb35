import type { Logger } from "./logger.js";

/** How often a line is written at most, in milliseconds: an attack must not fill the disk. */
const minIntervalMs = 10_000;

/** Writes to the log which connections spent a budget, or were ended for something else that clients can repeat: the first one at once, then one line for each interval at most. */
export class AbuseLog {
  private lastLineMs = Number.NEGATIVE_INFINITY;
  private skipped = 0;

  /** `message`: what happens to the connection. `nowMs`: a clock that does not go back. */
  constructor(
    private readonly logger: Logger,
    private readonly message: string,
    private readonly nowMs: () => number,
  ) {}

  /** `reason` names the limit. */
  report(remoteAddress: string, reason: string): void {
    const nowMs = this.nowMs();
    if (nowMs - this.lastLineMs < minIntervalMs) {
      this.skipped += 1;
      return;
    }
    const { skipped } = this;
    this.lastLineMs = nowMs;
    this.skipped = 0;
    this.logger.warn({ remoteAddress, reason, ...(skipped > 0 && { othersSinceLastLine: skipped }) }, this.message);
  }
}
