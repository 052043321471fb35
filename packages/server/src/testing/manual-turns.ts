import type { Turns } from "../core/index.js";

/** The turns of an event loop that only the test moves on. */
export class ManualTurns implements Turns {
  private due: (() => void)[] = [];

  get isIdle(): boolean {
    return this.due.length === 0;
  }

  afterTurn(run: () => void): void {
    this.due.push(run);
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
