import { whenAborted } from "../call-signal.js";
import type { ChatMessage, Listening } from "../link.js";
import type { MessageQueue } from "./message-queue.js";

export interface QueueSource {
  readonly position: string;
  readonly recovered: boolean;
  readonly queue: MessageQueue;
  /** Ends the listening without an error. */
  readonly signal: AbortSignal | undefined;
  /** Stops reading the room. May be called twice. */
  leave(): void;
}

/** A listening over what a socket pushes. */
export function queueListening({ position, recovered, queue, signal, leave }: QueueSource): Listening {
  // Not only while it is iterated: one that is given up before has to leave the room too.
  const release = whenAborted(signal, () => {
    queue.finish();
    leave();
  });
  async function* messages(): AsyncGenerator<ChatMessage> {
    try {
      for await (const message of queue.messages()) {
        if (signal?.aborted) return;
        yield message;
      }
    } finally {
      release();
      leave();
    }
  }
  const iterator = messages();
  return { position, recovered, [Symbol.asyncIterator]: () => iterator };
}
