/** Time, as the SDK sees it; tests bring their own. */
export interface Clock {
  /** Milliseconds that only grow. */
  nowMs(): number;
  /** Run `task` once after `delayMs`. The result takes it back. */
  after(delayMs: number, task: () => void): () => void;
}

export const platformClock: Clock = {
  nowMs: () => performance.now(),
  after: (delayMs, task) => {
    const timer = setTimeout(task, delayMs);
    return () => clearTimeout(timer);
  },
};
