import { FairQueue, type Share } from "../work/index.js";
import type { Turns } from "./ports.js";

/** Subscribes in one turn of the event loop. Each costs about as much as five deliveries: a check, a reply, a write. */
const subscribesPerTurn = 16;

/**
 * Lets in so many subscribes at a time that a thousand who come back at once keep nobody else waiting, and one of each
 * connection in turn. Those who wait are requests that their connections have in flight, and bounded there.
 */
export class SubscribeTurns {
  private readonly waiting = new FairQueue<() => void>();
  private places = subscribesPerTurn;

  constructor(private readonly turns: Turns) {}

  /** Undefined: go on at once. */
  take(share: Share): Promise<void> | undefined {
    if (this.places === subscribesPerTurn) this.turns.afterTurn(() => this.renew());
    if (this.places > 0) {
      this.places--;
      return undefined;
    }
    return new Promise((resolve) => this.waiting.push(share, resolve));
  }

  private renew(): void {
    const count = Math.min(this.waiting.size, subscribesPerTurn);
    this.places = subscribesPerTurn - count;
    if (this.places < subscribesPerTurn) this.turns.afterTurn(() => this.renew());
    for (let i = 0; i < count; i++) this.waiting.shift()?.();
  }
}
