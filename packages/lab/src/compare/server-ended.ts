import { setTimeout as sleep } from "node:timers/promises";
import type { RunningChild } from "../bench/sandbox.js";
import { CannotMeasureError, endingOf } from "./cannot-measure.js";

/** How long after its connections broke the end of a process may be heard of, in milliseconds. */
const noticeMs = 200;

/** Tells the end of servers that nobody asked to end. */
export class ServerWatch {
  #end: (error: CannotMeasureError) => void = () => undefined;
  readonly #ended = new Promise<never>((_resolve, reject) => {
    this.#end = reject;
  });

  constructor() {
    // Nobody may be waiting at that moment.
    this.#ended.catch(() => undefined);
  }

  /** Watch a server until the answer is called. */
  watch(child: RunningChild): () => void {
    // `close` and not `exit`: only then are its last words complete.
    const onClose = (): void => {
      this.#end(new CannotMeasureError(`the server ended while it was measured: ${endingOf(child)}`));
    };
    child.process.once("close", onClose);
    return () => child.process.removeListener("close", onClose);
  }

  /** The outcome of some work with a server. @throws CannotMeasureError: it has ended, which is why the work failed, if it did. */
  async orEnd<Result>(work: Promise<Result>): Promise<Result> {
    try {
      return await Promise.race([work, this.#ended]);
    } catch (error) {
      // Connections break before the process has ended: its end is the better reason.
      await Promise.race([sleep(noticeMs), this.#ended]);
      throw error;
    }
  }
}
