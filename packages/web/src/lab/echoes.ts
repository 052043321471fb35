import type { Listening } from "@confab/client";

/** Hears a room, and tells of the messages that are waited for when they came. */
export class Echoes {
  private readonly waiting = new Map<string, (heardAtMs: number) => void>();
  private isOver = false;
  private fail: (error: unknown) => void = () => undefined;
  /** Resolves with when the first message came, whosever it was. */
  readonly first: Promise<number>;
  /** Rejects when the reading ends by an error; it never resolves. */
  readonly failed: Promise<never>;
  private firstCame: (heardAtMs: number) => void = () => undefined;

  constructor(private readonly nowMs: () => number) {
    this.first = new Promise((resolve) => {
      this.firstCame = resolve;
    });
    this.failed = new Promise((_, reject) => {
      this.fail = reject;
    });
    // Whoever waits for a message hears of it; between messages nobody does.
    this.failed.catch(() => undefined);
  }

  /** Read until the listening ends. */
  async read(listening: Listening): Promise<void> {
    try {
      for await (const { id } of listening) {
        const heardAtMs = this.nowMs();
        this.firstCame(heardAtMs);
        this.waiting.get(id)?.(heardAtMs);
        this.waiting.delete(id);
      }
    } catch (error) {
      this.refuse(error);
    }
  }

  /** Resolves with when the message came; never, if it does not come. Ask before it is sent. */
  heard(id: string): Promise<number> {
    return new Promise((resolve) => {
      if (!this.isOver) this.waiting.set(id, resolve);
    });
  }

  /** Something else failed, so that what is waited for may never come. */
  refuse(error: unknown): void {
    this.isOver = true;
    this.waiting.clear();
    this.fail(error);
  }
}
