import { ConfabError } from "@confab/contract";
import type { ChatMessage, Listening } from "../link.js";
import { networkFailure } from "../network-failure.js";
import { isSamePlace } from "../same-place.js";

/** What a transport's stream has to say before its first message. */
export interface OpenedStream<T> {
  /** Everything after this position follows. */
  readonly position: string;
  /** Iterated once; taken only as fast as the listening is, so that flow control reaches the server. */
  readonly source: AsyncIterable<T>;
  read(item: T): ChatMessage;
}

export interface PullSource<T> {
  readonly position: string;
  readonly recovered: boolean;
  /** The stream, perhaps before its head has come. */
  readonly opening: Promise<OpenedStream<T>>;
  /** Ends the listening without an error. */
  readonly signal: AbortSignal;
  /** Called once, however the listening ends. */
  release(): void;
}

/** A listening over a stream that is pulled: an RPC's messages, the events of an SSE response. */
export function pullListening<T>({ position, recovered, opening, signal, release }: PullSource<T>): Listening {
  // It is told to the one who iterates, who may begin to do so after it has failed.
  opening.catch(() => undefined);
  let begun = position;
  async function* messages(): AsyncGenerator<ChatMessage> {
    try {
      const stream = await opening;
      // A server that begins elsewhere than it was asked to would make a hole.
      if (!isSamePlace(position, stream.position))
        throw new ConfabError(
          "PROTOCOL_VIOLATION",
          `the stream began after ${stream.position} and not after ${position}`,
        );
      begun = stream.position;
      for await (const item of stream.source) yield stream.read(item);
      // Servers do not end a room; where one did it in good order, it is about to stop.
      if (!signal.aborted) throw networkFailure("ENGINE_UNAVAILABLE", "the server ended the stream");
    } catch (error) {
      if (!signal.aborted) throw error;
    } finally {
      release();
    }
  }
  const iterator = messages();
  return {
    get position() {
      return begun;
    },
    recovered,
    [Symbol.asyncIterator]: () => iterator,
  };
}
