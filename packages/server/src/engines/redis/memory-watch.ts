import type { LogSize } from "../../core/index.js";
import type { RedisLink } from "./redis-link.js";

const defaultIntervalMs = 1_000;

/** Asks Redis again and again how much memory it uses. One question at a time: a Redis that is away is not asked more and more. */
export class MemoryWatch {
  private readonly timer: NodeJS.Timeout;
  private isAsking = false;

  constructor(
    private readonly link: Pick<RedisLink, "usedBytes">,
    private readonly size: Pick<LogSize, "set">,
    intervalMs = defaultIntervalMs,
  ) {
    this.timer = setInterval(() => void this.ask(), intervalMs).unref();
  }

  stop(): void {
    clearInterval(this.timer);
  }

  private async ask(): Promise<void> {
    if (this.isAsking) return;
    this.isAsking = true;
    try {
      this.size.set(await this.link.usedBytes());
    } catch {
      // Redis is away, which the link reports. What it held last still counts.
    } finally {
      this.isAsking = false;
    }
  }
}
