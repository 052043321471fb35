import { whenAborted } from "../call-signal.js";
import type { ChatMessage } from "../link.js";
import { type ReadDeps, type ReadOptions, RoomReading } from "./room-reading.js";

/** A room being read by a function. */
export interface Subscription {
  /** The last position that the function was given, or where reading began; undefined before the server was first heard. */
  readonly position: string | undefined;
  /** Resolves when reading is over: with why, unless it was by the application's wish. Never rejects. */
  readonly ended: Promise<unknown>;
  /** The function is not called again. May be called twice, also from within it. */
  unsubscribe(): void;
}

/** Takes a message. The next one comes after the promise, if it returns one; an error that it throws ends the reading. */
export type MessageHandler = (message: ChatMessage) => void | Promise<void>;

export function subscribe(handler: MessageHandler, room: string, options: ReadOptions, deps: ReadDeps): Subscription {
  const leaving = new AbortController();
  const { signal } = leaving;
  const release = whenAborted(options.signal, () => leaving.abort());
  const reading = new RoomReading(room, { ...options, signal }, deps);
  const run = async () => {
    for await (const message of reading) {
      if (signal.aborted) return;
      await handler(message);
    }
  };
  const ended = run()
    .then(
      () => undefined,
      (error: unknown) => error,
    )
    .finally(release);
  return {
    get position() {
      return reading.position;
    },
    ended,
    unsubscribe: () => leaving.abort(),
  };
}
