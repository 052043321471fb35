import type { ChatMessage, Listening } from "../link.js";
import { networkFailure } from "../network-failure.js";

export interface PullSource<T> {
  readonly position: string;
  readonly recovered: boolean;
  /** Iterated once; taken only as fast as the listening is, so that flow control reaches the server. */
  readonly source: AsyncIterable<T>;
  read(item: T): ChatMessage;
  /** Ends the listening without an error. */
  readonly signal: AbortSignal;
  /** Called once, however the listening ends. */
  release(): void;
}

/** A listening over a stream that is pulled: an RPC's messages, the events of an SSE response. */
export function pullListening<T>({ position, recovered, source, read, signal, release }: PullSource<T>): Listening {
  async function* messages(): AsyncGenerator<ChatMessage> {
    try {
      for await (const item of source) yield read(item);
      // Servers do not end a room; where one did it in good order, it is about to stop.
      if (!signal.aborted) throw networkFailure("ENGINE_UNAVAILABLE", "the server ended the stream");
    } catch (error) {
      if (!signal.aborted) throw error;
    } finally {
      release();
    }
  }
  const iterator = messages();
  return { position, recovered, [Symbol.asyncIterator]: () => iterator };
}
