/** Something that holds work back until the turn of the event loop ends. */
export interface TurnEnd {
  endOfTurn(): void;
}

/**
 * Runs the end-of-turn work of all connections, in one callback for the whole turn.
 *
 * `setImmediate` and not `nextTick`: it runs when every socket that was readable in this turn has been read and every
 * promise has settled, so replies that different events caused leave in one write per connection.
 */
export class TurnQueue {
  #waiting: TurnEnd[] = [];
  readonly #run = (): void => {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const one of waiting) one.endOfTurn();
  };

  /** `one` must not be added again before its `endOfTurn` is called; `endOfTurn` must not throw. */
  add(one: TurnEnd): void {
    if (this.#waiting.push(one) === 1) setImmediate(this.#run);
  }
}

/** The event loop is one per process, and so is this. */
export const turnQueue = new TurnQueue();
