import type { ConfabError, ErrorCode } from "@confab/contract";
import type { Link } from "../link.js";
import { isNetworkFailure } from "../network-failure.js";
import type { Clock } from "./clock.js";
import { hasFrames } from "./has-frames.js";

/** A moment on both clocks. */
export interface Moment {
  readonly monotonicMs: number;
  readonly unixMs: number;
}

export function momentOf(clock: Clock): Moment {
  return { monotonicMs: clock.nowMs(), unixMs: clock.unixMs() };
}

/**
 * The time since a moment, in milliseconds. The monotonic clock may stand still while a machine sleeps, and the wall clock
 * may be set back, so the longer of the two times counts: the server has forgotten an id after it at the earliest.
 */
export function elapsedMs(clock: Clock, since: Moment): number {
  return Math.max(clock.nowMs() - since.monotonicMs, clock.unixMs() - since.unixMs);
}

/** Errors of a server that stored nothing. */
const refusals: ReadonlySet<ErrorCode> = new Set([
  "OVERLOADED",
  "STORAGE_FULL",
  "NEWER_FORMAT",
  "RATE_LIMITED",
  "TOO_MANY_REQUESTS",
  "TOO_MANY_CONNECTIONS",
  "UNAUTHENTICATED",
  "TOKEN_EXPIRED",
  "KEYS_UNAVAILABLE",
]);

/** Whether an attempt to send certainly stored nothing. */
export function wasNotStored(error: ConfabError, link: Link): boolean {
  if (error.code !== "ENGINE_UNAVAILABLE") return refusals.has(error.code);
  // Of the network, it is for what was never sent. Frames have it from the server; as an HTTP status it may be the answer
  // of a proxy that lost the server in the middle of the request.
  return isNetworkFailure(error) || hasFrames(link);
}
