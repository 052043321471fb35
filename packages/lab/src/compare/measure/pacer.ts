import { once } from "node:events";
import { Worker } from "node:worker_threads";

/** What a pacer is asked for: ticks at `startUs + n × intervalUs`, on `machineNowUs`. */
export interface Beat {
  readonly startUs: number;
  readonly intervalUs: number;
  readonly count: number;
}

/**
 * Ticks on time. Timers of an event loop are up to a millisecond late, as long as the latencies that are measured here; a
 * thread that sleeps on a futex is late by some tens of microseconds and keeps no processor busy.
 */
export class Pacer {
  readonly #thread: Worker;
  #onTick: (tick: number) => void = () => undefined;

  private constructor(thread: Worker) {
    this.#thread = thread;
    thread.on("message", (tick: number) => this.#onTick(tick));
  }

  static async start(): Promise<Pacer> {
    const thread = new Worker(new URL("./pacer-thread.js", import.meta.url));
    await once(thread, "online");
    return new Pacer(thread);
  }

  /** Call `onTick` with 0, 1, 2… as each is due; resolves after the last one. A late loop gets several at once. */
  async run(beat: Beat, onTick: (tick: number) => void): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#onTick = (tick) => {
        onTick(tick);
        if (tick === beat.count - 1) resolve();
      };
      this.#thread.postMessage(beat);
    });
  }

  async close(): Promise<void> {
    await this.#thread.terminate();
  }
}
