import type { Clock } from "../clock.js";

/** A clock that moves when it is told to. */
export class ManualClock implements Clock {
  private timeMs = 0;
  private asleepMs = 0;
  private readonly tasks = new Set<{ readonly atMs: number; readonly run: () => void }>();

  nowMs(): number {
    return this.timeMs;
  }

  unixMs(): number {
    return 1_800_000_000_000 + this.timeMs + this.asleepMs;
  }

  after(delayMs: number, run: () => void): () => void {
    const task = { atMs: this.timeMs + delayMs, run };
    this.tasks.add(task);
    return () => this.tasks.delete(task);
  }

  /** Move on, run what is due in its order, and let promises settle after each. */
  async pass(ms: number): Promise<void> {
    const untilMs = this.timeMs + ms;
    await settled();
    for (;;) {
      const due = [...this.tasks].filter(({ atMs }) => atMs <= untilMs).sort((a, b) => a.atMs - b.atMs)[0];
      if (!due) break;
      this.tasks.delete(due);
      this.timeMs = due.atMs;
      due.run();
      await settled();
    }
    this.timeMs = untilMs;
  }

  /** The machine sleeps: the wall clock goes on, and nothing else. */
  sleep(ms: number): void {
    this.asleepMs += ms;
  }

  /** How many tasks wait. */
  get waiting(): number {
    return this.tasks.size;
  }
}

/** Resolves once every promise that can go on has gone on. */
export function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
