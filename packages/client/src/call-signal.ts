import { ConfabError } from "@confab/contract";
import type { CallOptions } from "./link.js";

/** How long a call may take when its caller does not say. As long as the server waits for a request to arrive whole. */
const defaultTimeoutMs = 30_000;

/** The longest call: gRPC has eight digits for it (grpc/doc/PROTOCOL-HTTP2.md), and timers overflow at 2^31 milliseconds. */
const maxTimeoutMs = 99_999_999;

/** What may end a call before its answer. */
export interface CallBounds {
  readonly signal: AbortSignal;
  readonly timeoutMs: number;
  /** What to tell the caller after `signal` aborted. */
  reason(): ConfabError;
}

/** Run a call within the bounds of its caller's options, and release them when it has settled. */
export async function bounded<T>(
  options: CallOptions | undefined,
  run: (bounds: CallBounds) => Promise<T>,
): Promise<T> {
  const { signal } = options ?? {};
  const timeoutMs = Math.min(Math.ceil(options?.timeoutMs ?? defaultTimeoutMs), maxTimeoutMs);
  // Not AbortSignal.timeout and AbortSignal.any: Safari before 17.4 and Firefox before 124 lack them.
  const bound = new AbortController();
  const release = whenAborted(signal, () => bound.abort(signal?.reason));
  const timer = setTimeout(() => bound.abort(), timeoutMs);
  try {
    return await run({
      signal: bound.signal,
      timeoutMs,
      reason: () =>
        signal?.aborted ? cancelled(signal) : new ConfabError("DEADLINE_EXCEEDED", `no answer within ${timeoutMs} ms`),
    });
  } finally {
    clearTimeout(timer);
    release();
  }
}

export function cancelled(signal: AbortSignal): ConfabError {
  return new ConfabError("CANCELLED", "the caller cancelled the call", { cause: signal.reason });
}

/** Who waits for a signal, in the order in which they began, and the one listener that tells them. */
interface Watch {
  readonly watching: Set<() => void>;
  readonly listener: () => void;
}

const watches = new WeakMap<AbortSignal, Watch>();

/**
 * Run `onAbort` once if the signal aborts, or has aborted. The result takes it back.
 *
 * A signal has one listener of ours, however many calls share it: an application may give the same signal to thousands, and
 * Node warns of more than ten listeners.
 */
export function whenAborted(signal: AbortSignal | undefined, onAbort: () => void): () => void {
  if (!signal) return () => undefined;
  if (signal.aborted) {
    onAbort();
    return () => undefined;
  }
  const { watching, listener } = watches.get(signal) ?? watch(signal);
  // A separate function for each call, so that the same one can be given twice.
  const mine = () => onAbort();
  watching.add(mine);
  return () => {
    if (!watching.delete(mine) || watching.size > 0 || signal.aborted) return;
    watches.delete(signal);
    signal.removeEventListener("abort", listener);
  };
}

function watch(signal: AbortSignal): Watch {
  const watching = new Set<() => void>();
  const listener = () => {
    for (const each of watching) each();
    watching.clear();
  };
  const made = { watching, listener };
  watches.set(signal, made);
  signal.addEventListener("abort", listener, { once: true });
  return made;
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
