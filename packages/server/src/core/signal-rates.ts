import { ConfabError, type Limits } from "@confab/contract";
import type { Clock, Signal } from "./ports.js";

/** What a user may still signal in a room, and when that was so. A fraction of a signal is saved up too. */
interface Bucket {
  tokens: number;
  atMs: number;
}

/** How long an empty bucket takes to fill, in milliseconds: after so long a silence a second's worth may come at once. */
const fillTimeMs = 1_000;

/**
 * Bounds how often a user may signal in a room: a token bucket of `maxSignalsPerSecond`, for each user and room. Each node
 * counts for itself.
 *
 * A bucket that has filled up is forgotten, and past `maxSignalSenders` the one that was used the longest ago.
 */
export class SignalRates {
  /** In the order of their last use. */
  private readonly buckets = new Map<string, Bucket>();

  constructor(
    private readonly limits: Pick<Limits, "maxSignalsPerSecond" | "maxSignalSenders">,
    private readonly clock: Clock,
    /** What a user does there, for errors. */
    private readonly what = "signalled",
  ) {}

  get senders(): number {
    return this.buckets.size;
  }

  /** Count a signal. @throws RATE_LIMITED: it must not be sent. */
  take({ room, user }: Pick<Signal, "room" | "user">): void {
    const { maxSignalsPerSecond: perSecond } = this.limits;
    const nowMs = this.clock.monotonicMs();
    const sender = `${room}\0${user}`;
    const bucket = this.buckets.get(sender) ?? { tokens: perSecond, atMs: nowMs };
    const elapsedMs = nowMs - bucket.atMs;
    bucket.tokens = Math.min(perSecond, bucket.tokens + (elapsedMs * perSecond) / 1_000);
    bucket.atMs = nowMs;
    this.buckets.delete(sender);
    this.buckets.set(sender, bucket);
    // Fractions add up to a little less than the whole.
    const missing = 1 - 1e-6 - bucket.tokens;
    if (missing > 0) {
      const text = `${user} has ${this.what} in room ${room} too often; maxSignalsPerSecond is ${perSecond}`;
      throw new ConfabError("RATE_LIMITED", text, { retryAfterMs: Math.ceil((missing * 1_000) / perSecond) });
    }
    bucket.tokens = Math.max(0, bucket.tokens - 1);
    this.forget(nowMs);
  }

  /** Two at a time, which is more than come: what is kept are the senders of about the last second. */
  private forget(nowMs: number): void {
    for (let count = 0; count < 2; count++) {
      const [oldest] = this.buckets;
      if (!oldest) return;
      const [sender, { atMs }] = oldest;
      const isFull = nowMs - atMs >= fillTimeMs;
      if (!isFull && this.buckets.size <= this.limits.maxSignalSenders) return;
      this.buckets.delete(sender);
    }
  }
}
