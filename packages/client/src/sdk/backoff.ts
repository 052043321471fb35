import type { ConfabError } from "@confab/contract";
import { reconnectWindowMs } from "../reconnect-advice.js";

/** The bounds of the waits between attempts. */
export interface BackoffBounds {
  /** The first wait is random, up to this long. 500 if undefined. */
  readonly firstDelayMs?: number | undefined;
  /** Each further wait is up to twice as long as the one before, but never longer than this. 30,000 if undefined. */
  readonly maxDelayMs?: number | undefined;
}

/**
 * The wait before an attempt: random between nothing and a bound that doubles ("full jitter"), so that clients who lost
 * the same server do not come back at the same moments.
 *
 * What the server says goes first: a window to come back within replaces the bound, a time to wait is added in front.
 *
 * @param failures how many attempts have failed in a row before, 0 for the first wait.
 * @param random in 0..1, 1 excluded.
 */
export function backoffMs(
  failures: number,
  error: ConfabError | undefined,
  { firstDelayMs = 500, maxDelayMs = 30_000 }: BackoffBounds,
  random: () => number,
): number {
  const windowMs = error && reconnectWindowMs(error);
  // A window is for everybody's first attempt. Whoever failed since then waits as for any other failure.
  if (windowMs !== undefined && failures === 0) return random() * windowMs;
  // 2 ** 30 is past every bound; larger powers would only become Infinity.
  const boundMs = Math.min(maxDelayMs, firstDelayMs * 2 ** Math.min(failures, 30));
  return (error?.facts.retryAfterMs ?? 0) + random() * boundMs;
}
