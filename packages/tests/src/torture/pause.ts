import type { Random } from "@confab/contract/testing/random";

/** Resolves after a while, or at once when the signal aborts. */
export function pause(waitMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) {
      resolve();
      return;
    }
    const done = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, waitMs);
    signal?.addEventListener("abort", done);
  });
}

/** The longest wait between two tries, in milliseconds: short, so that a run of seconds sees many. */
const maxBackOffMs = 800;

/** How long to wait before try number `failures` + 1, in milliseconds: doubling, and never the same for two clients. */
export function backOffMs(failures: number, random: Random): number {
  return Math.min(maxBackOffMs, 20 * 2 ** Math.min(failures, 10)) * (0.5 + random.next() / 2);
}
