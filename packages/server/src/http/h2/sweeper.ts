import { type Repeat, repeatByTimer } from "../repeat.js";

/** Something that looks at its deadlines from time to time. */
export interface Sweepable {
  sweep(nowMs: number): void;
}

/** How often deadlines are looked at, in milliseconds: they are all of several seconds. */
const sweepIntervalMs = 1_000;

/**
 * One timer for the deadlines of all connections. Timers of their own, moved on every frame, would cost more than the
 * frames. Runs only while there is something to sweep, and does not keep the process alive.
 */
export class Sweeper {
  readonly #members = new Set<Sweepable>();
  readonly #nowMs: () => number;
  readonly #repeat: Repeat;
  #stop: (() => void) | undefined;

  /** `nowMs`: a clock that does not jump. */
  constructor(nowMs: () => number = () => performance.now(), repeat: Repeat = repeatByTimer) {
    this.#nowMs = nowMs;
    this.#repeat = repeat;
  }

  add(member: Sweepable): void {
    this.#members.add(member);
    this.#stop ??= this.#repeat(sweepIntervalMs, () => this.sweepAll());
  }

  remove(member: Sweepable): void {
    this.#members.delete(member);
    if (this.#members.size > 0) return;
    this.#stop?.();
    this.#stop = undefined;
  }

  sweepAll(): void {
    const nowMs = this.#nowMs();
    for (const member of this.#members) member.sweep(nowMs);
  }
}

/** Time is one per process, and so is this. */
export const processSweeper = new Sweeper();

/** How long the same thing has been seen, to the resolution of the sweeps. */
export class Stopwatch {
  #token: number | undefined;
  #sinceMs = 0;

  /** Milliseconds since `token` was first seen without another in between; 0 when it is undefined or new. */
  elapsedMs(token: number | undefined, nowMs: number): number {
    if (token === undefined || token !== this.#token) {
      this.#token = token;
      this.#sinceMs = nowMs;
      return 0;
    }
    return nowMs - this.#sinceMs;
  }
}
