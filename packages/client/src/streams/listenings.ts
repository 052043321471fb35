import { ConfabError } from "@confab/contract";
import { cancelled, whenAborted } from "../call-signal.js";
import type { Listening, ListenOptions, TransportName } from "../link.js";
import { type PullSource, pullListening } from "./pull-listening.js";

/** What a transport's stream has to say before its first message. */
export type OpenedStream<T> = Pick<PullSource<T>, "position" | "source" | "read">;

/** The rooms that a link reads by a stream each. */
export class Listenings {
  private readonly open = new Set<AbortController>();

  /** Begin one. `start` opens its stream, which its signal ends. */
  async begin<T>(
    { signal }: ListenOptions,
    recovered: boolean,
    start: (signal: AbortSignal) => Promise<OpenedStream<T>>,
  ): Promise<Listening> {
    if (signal?.aborted) throw cancelled(signal);
    const controller = new AbortController();
    const anySignal = signal ? AbortSignal.any([signal, controller.signal]) : controller.signal;
    this.open.add(controller);
    const release = () => {
      stopWatching();
      this.open.delete(controller);
      controller.abort();
    };
    // Here too, because a listening that nobody iterates yet cannot release itself.
    const stopWatching = whenAborted(signal, () => release());
    try {
      return pullListening({ ...(await start(anySignal)), recovered, signal: anySignal, release });
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

/** For links whose streams carry messages only. @throws UNKNOWN_METHOD: signals or presence are asked for. */
export function refuseSignals(transport: TransportName, { onSignal, onPresence }: ListenOptions): void {
  if (!onSignal && !onPresence) return;
  const message = `${transport} does not tell of signals and presence; websocket-proto, websocket-json and grpc do`;
  throw new ConfabError("UNKNOWN_METHOD", message);
}
