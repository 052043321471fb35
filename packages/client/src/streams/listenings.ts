import { ConfabError } from "@confab/contract";
import { cancelled, whenAborted } from "../call-signal.js";
import type { Listening, ListenOptions, TransportName } from "../link.js";
import { type OpenedStream, pullListening } from "./pull-listening.js";

/**
 * How long the head of a stream is waited for that begins after a known position, in milliseconds. Firefox shows the head
 * to the page only with the first byte of the body, and a quiet room has none. So this only decides whether a refusal
 * fails the call or the iteration.
 */
const headPatienceMs = 1_000;

/** The rooms that a link reads by a stream each. */
export class Listenings {
  private readonly open = new Set<AbortController>();

  /**
   * Begin one. `start` opens its stream, which its signal ends.
   *
   * @param after the position that the stream was asked to begin after; undefined: its head alone says where it begins.
   * @param recovered whether it was the caller who asked for that position.
   */
  async begin<T>(
    { signal }: ListenOptions,
    { after, recovered }: { readonly after: string | undefined; readonly recovered: boolean },
    start: (signal: AbortSignal) => Promise<OpenedStream<T>>,
  ): Promise<Listening> {
    if (signal?.aborted) throw cancelled(signal);
    const controller = new AbortController();
    this.open.add(controller);
    const release = () => {
      stopWatching();
      this.open.delete(controller);
      controller.abort();
    };
    // Here too, because a listening that is not iterated yet cannot release itself.
    const stopWatching = whenAborted(signal, release);
    try {
      const opening = start(controller.signal);
      const opened = after === undefined ? await opening : await inTime(opening, headPatienceMs);
      const position = opened?.position ?? after ?? "";
      return pullListening({ position, recovered, opening, signal: controller.signal, release });
    } catch (error) {
      release();
      throw signal?.aborted ? cancelled(signal) : error;
    }
  }

  /** End them all. */
  close(): void {
    for (const controller of this.open) controller.abort();
  }
}

/** The promise's value; undefined if it takes longer. */
async function inTime<T>(promise: Promise<T>, timeoutMs: number): Promise<T | undefined> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), timeoutMs);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** For links whose streams carry messages only. @throws UNKNOWN_METHOD: signals or presence are asked for. */
export function refuseSignals(transport: TransportName, { onSignal, onPresence }: ListenOptions): void {
  if (!onSignal && !onPresence) return;
  const message = `${transport} does not tell of signals and presence; websocket-proto, websocket-json and grpc do`;
  throw new ConfabError("UNKNOWN_METHOD", message);
}
