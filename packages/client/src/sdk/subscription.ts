import { whenAborted } from "../call-signal.js";
import type { ChatMessage } from "../link.js";
import { positionOfBefore } from "./position-order.js";
import type { PrefixMessages, PrefixReading } from "./prefix-reading.js";
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
  const given = giveTo(handler, options.signal, (signal) => new RoomReading(room, { ...options, signal }, deps));
  return {
    get position() {
      const next = given.next();
      return next ? positionOfBefore(next.position) : given.reading.position;
    },
    ended: given.ended,
    unsubscribe: given.unsubscribe,
  };
}

/** A prefix of rooms being read by a function. */
export type PrefixSubscription = Omit<Subscription, "position"> & Pick<PrefixMessages, "positions">;

export function subscribePrefix(
  handler: MessageHandler,
  signal: AbortSignal | undefined,
  read: (signal: AbortSignal) => PrefixReading,
): PrefixSubscription {
  const { reading, next, ended, unsubscribe } = giveTo(handler, signal, read);
  return {
    get positions() {
      const message = next();
      const { positions } = reading;
      return message ? new Map(positions).set(message.room, positionOfBefore(message.position)) : positions;
    },
    ended,
    unsubscribe,
  };
}

function giveTo<Reading extends AsyncIterable<ChatMessage> & { readonly lastOut: ChatMessage | undefined }>(
  handler: MessageHandler,
  ending: AbortSignal | undefined,
  read: (signal: AbortSignal) => Reading,
) {
  const leaving = new AbortController();
  const { signal } = leaving;
  const release = whenAborted(ending, () => leaving.abort());
  const reading = read(signal);
  let given: ChatMessage | undefined;
  const run = async () => {
    for await (const message of reading) {
      if (signal.aborted) return;
      given = message;
      await handler(message);
    }
  };
  const ended = run()
    .then(
      () => undefined,
      (error: unknown) => error,
    )
    .finally(release);
  // The reading has gone past a message that is on its way to the function, and does not come to it after an unsubscribe.
  const next = () => (reading.lastOut === given ? undefined : reading.lastOut);
  return { reading, next, ended, unsubscribe: () => leaving.abort() };
}
