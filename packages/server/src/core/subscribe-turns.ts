import type { Turns } from "./ports.js";

/** Subscribes in one turn of the event loop. Each costs about as much as five deliveries: a check, a reply, a write. */
const subscribesPerTurn = 16;

/**
 * Lets in so many subscribes at a time that a thousand who come back at once keep nobody else waiting. Those who wait are
 * requests that their connections have in flight, and bounded there.
 */
export class SubscribeTurns {
  private waiting: (() => void)[] = [];
  private next = 0;
  private places = subscribesPerTurn;

  constructor(private readonly turns: Turns) {}

  /** Undefined: go on at once. */
  take(): Promise<void> | undefined {
    if (this.places === subscribesPerTurn) this.turns.afterTurn(() => this.renew());
    if (this.places > 0) {
      this.places--;
      return undefined;
    }
    return new Promise((resolve) => this.waiting.push(resolve));
  }

  private renew(): void {
    const end = Math.min(this.waiting.length, this.next + subscribesPerTurn);
    this.places = subscribesPerTurn - (end - this.next);
    if (this.places < subscribesPerTurn) this.turns.afterTurn(() => this.renew());
    while (this.next < end) this.waiting[this.next++]?.();
    if (this.next < this.waiting.length) return;
    this.waiting = [];
    this.next = 0;
  }
}
