import type { Turns } from "../core/index.js";

/** The turns of an event loop that only the test moves on, and the time that only the test lets pass. */
export class ManualTurns implements Turns {
  /** How long each wait was asked to be that has not ended. */
  readonly waitsMs: number[] = [];
  private due: (() => void)[] = [];
  private readonly waits: (() => void)[] = [];

  /** Nothing is due in this turn or a later one, unless time passes. */
  get isIdle(): boolean {
    return this.due.length === 0;
  }

  afterTurn(run: () => void): void {
    this.due.push(run);
  }

  afterMs(ms: number, run: () => void): void {
    this.waitsMs.push(ms);
    this.waits.push(run);
  }

  /** So much time passes that all waits end, but not those that begin then. */
  endWaits(): void {
    this.waitsMs.length = 0;
    for (const run of this.waits.splice(0)) run();
  }

  /** End this turn: run what is due, but not what that makes due. Then let every promise that has settled go on. */
  async next(): Promise<void> {
    const { due } = this;
    this.due = [];
    for (const run of due) run();
    await settled();
  }

  /** Turn until nothing is due. @throws Error: it never ends. */
  async untilIdle(maxTurns = 10_000): Promise<void> {
    await settled();
    for (let turns = 0; !this.isIdle; turns++) {
      if (turns === maxTurns) throw new Error(`still not idle after ${maxTurns} turns`);
      await this.next();
    }
  }
}

/** Resolves when all promises that can go on without the outside have gone on: a real turn runs them first. */
export function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
