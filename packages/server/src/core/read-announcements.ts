import { ConfabError } from "@confab/contract";
import type { Clock, Signal, Turns } from "./ports.js";

/** How often one user's mark in one room is told at the most, in milliseconds. Each node counts for itself. */
const windowMs = 1_000;

/** Marks that were told in the last second, or wait to be told. */
const maxWindows = 100_000;

interface Window {
  untilMs: number;
  /** The furthest mark since the window began; undefined: it has not moved. */
  last: Signal | undefined;
}

/** Tells readers of marks that have moved: the first one at once, those of the second after it as one, and the last one always. */
export class ReadAnnouncements {
  /** By room and user, in the order in which they end. */
  private readonly windows = new Map<string, Window>();
  private isSweepDue = false;

  constructor(
    private readonly turns: Turns,
    private readonly clock: Pick<Clock, "monotonicMs">,
    private readonly send: (signal: Signal) => void,
  ) {}

  /** @throws OVERLOADED: so many marks move that another one could not be told. */
  refuseFull(): void {
    if (this.windows.size < maxWindows) return;
    const text = `${this.windows.size} read marks have moved within a second; the bound is ${maxWindows}`;
    throw new ConfabError("OVERLOADED", text, { retryAfterMs: windowMs });
  }

  /** A mark has moved. Calls for one mark may come in any order. */
  tell(signal: Signal): void {
    const key = `${signal.room}\0${signal.user}`;
    const window = this.windows.get(key);
    if (window) {
      if (isFurther(signal, window.last)) window.last = signal;
      return;
    }
    this.send(signal);
    this.windows.set(key, { untilMs: this.clock.monotonicMs() + windowMs, last: undefined });
    this.sweepLater();
  }

  /** Tell what waits, at once. */
  close(): void {
    for (const { last } of this.windows.values()) if (last) this.send(last);
    this.windows.clear();
  }

  private sweepLater(): void {
    const [first] = this.windows.values();
    if (this.isSweepDue || !first) return;
    this.isSweepDue = true;
    this.turns.afterMs(Math.max(1, Math.ceil(first.untilMs - this.clock.monotonicMs())), () => this.sweep());
  }

  private sweep(): void {
    this.isSweepDue = false;
    const nowMs = this.clock.monotonicMs();
    for (const [key, { untilMs, last }] of this.windows) {
      if (untilMs > nowMs) break;
      this.windows.delete(key);
      if (last) this.tell(last);
    }
    this.sweepLater();
  }
}

/** After a restore positions have another epoch: the later one counts. */
function isFurther({ position }: Signal, last: Signal | undefined): boolean {
  const before = last?.position;
  return !before || !position || position.epoch !== before.epoch || position.offset > before.offset;
}
