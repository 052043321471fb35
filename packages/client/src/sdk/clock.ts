/** Time, as the SDK sees it; tests bring their own. */
export interface Clock {
  /** Milliseconds that only grow. */
  nowMs(): number;
  /** Milliseconds since 1970, as the system believes. */
  unixMs(): number;
  /** Run `task` once after `delayMs`. The result takes it back. */
  after(delayMs: number, task: () => void): () => void;
}

/** The longest wait of a platform's timer: one of 2^31 milliseconds or more overflows, and runs at once. */
const maxTimerMs = 2_147_483_647;

export const platformClock: Clock = {
  nowMs: () => (globalThis.performance ?? Date).now(),
  unixMs: () => Date.now(),
  after: (delayMs, task) => {
    const timer = setTimeout(task, Math.min(delayMs, maxTimerMs));
    return () => clearTimeout(timer);
  },
};
