import { ConfabError } from "@confab/contract";
import type { CallOptions } from "./link.js";

/** How long a call may take when its caller does not say. As long as the server waits for a request to arrive whole. */
const defaultTimeoutMs = 30_000;

/** What may end a call before its answer. */
export interface CallBounds {
  readonly signal: AbortSignal;
  readonly timeoutMs: number;
  /** What to tell the caller after `signal` aborted. */
  reason(): ConfabError;
}

/** The bounds of a call, from the caller's options. */
export function callBounds({ signal, timeoutMs = defaultTimeoutMs }: CallOptions = {}): CallBounds {
  const timeout = AbortSignal.timeout(timeoutMs);
  return {
    signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
    timeoutMs,
    reason: () =>
      signal?.aborted ? cancelled(signal) : new ConfabError("DEADLINE_EXCEEDED", `no answer within ${timeoutMs} ms`),
  };
}

export function cancelled(signal: AbortSignal): ConfabError {
  return new ConfabError("CANCELLED", "the caller cancelled the call", { cause: signal.reason });
}

/** Run `onAbort` once if the signal aborts, or has aborted. The result takes it back. */
export function whenAborted(signal: AbortSignal | undefined, onAbort: () => void): () => void {
  if (!signal) return () => undefined;
  if (signal.aborted) {
    onAbort();
    return () => undefined;
  }
  signal.addEventListener("abort", onAbort, { once: true });
  return () => signal.removeEventListener("abort", onAbort);
}

/** `promise`, or the reason why its bounds ended first. */
export async function within<T>(bounds: CallBounds, promise: Promise<T>): Promise<T> {
  let release: () => void = () => undefined;
  const aborted = new Promise<never>((_resolve, reject) => {
    release = whenAborted(bounds.signal, () => reject(bounds.reason()));
  });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    release();
  }
}

/** What ends the calls and listenings of a link that its owner closed. */
export function linkClosed(): ConfabError {
  return new ConfabError("CANCELLED", "the link was closed");
}
