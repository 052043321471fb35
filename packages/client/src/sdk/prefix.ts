import { callback, check, checkValue, prefixChecks } from "./checks.js";
import { type PrefixMessages, PrefixReading, type PrefixReadOptions } from "./prefix-reading.js";
import type { RoomDeps } from "./room.js";
import { type MessageHandler, type PrefixSubscription, subscribePrefix } from "./subscription.js";

/** All rooms whose names begin with a prefix, through a client. Costs nothing until it is read. */
export class RoomPrefix {
  constructor(
    readonly prefix: string,
    private readonly deps: Pick<RoomDeps, "reading" | "user">,
  ) {}

  /**
   * The messages of all its rooms, each once, and in order by room: `message.room` says which one. Rooms that come into being
   * later are read from their first message, also those that did while the connection was lost. Iterate it once; leaving the loop
   * stops it.
   *
   * It ends when the signal aborts or the client is closed. It fails with OUT_OF_RANGE of a room (see `PrefixReadOptions.onGap`), with
   * TOO_MANY_SUBSCRIPTIONS if there are more rooms than the server's `maxRoomsPerPrefix`, with another final error, or with the
   * error that the client closed with. UNKNOWN_METHOD: the transport has no frames (`websocket-proto` and `websocket-json` have).
   *
   * @throws TypeError, at once: an option is of the wrong type or out of its range.
   */
  messages(options: PrefixReadOptions = {}): PrefixMessages {
    return this.reading(options);
  }

  /** `messages`, given to a function. */
  subscribe(handler: MessageHandler, options: PrefixReadOptions = {}): PrefixSubscription {
    checkValue("subscribe: handler", handler, callback);
    return subscribePrefix(handler, options.signal, (signal) => this.reading({ ...options, signal }));
  }

  private reading(options: PrefixReadOptions): PrefixReading {
    check("messages", options, prefixChecks);
    return new PrefixReading(this.prefix, { ...options, user: options.user ?? this.deps.user }, this.deps.reading);
  }
}
