import { type Ack, connect, type OutgoingMessage, type TransportName } from "@confab/client/node";
import type { Random } from "@confab/contract/testing/random";
import type { Diary } from "./journal.js";
import { LinkPool } from "./link-pool.js";
import { backOffMs, pause } from "./pause.js";
import { sdkOptions } from "./sdk-options.js";

/** How long one try waits for its acknowledgement, in milliseconds. */
const ackTimeoutMs = 2_000;

/** How messages are brought to the server, as often as it takes. */
export interface Post {
  /** Whether messages are stored in the order in which they were given. */
  readonly keepsOrder: boolean;
  /** Resolves with the acknowledgement, or with nothing once the signal has aborted. */
  send(message: OutgoingMessage, signal: AbortSignal): Promise<Ack | undefined>;
  close(): void;
}

export interface PostOptions {
  readonly url: string;
  readonly home: TransportName;
  readonly transports: readonly [TransportName, ...TransportName[]];
  readonly random: Random;
  readonly diary: Diary;
}

/** By links, sending the same id again by hand, sometimes over another transport. */
export function postByLinks({ url, home, transports, random, diary }: PostOptions): Post {
  const links = new LinkPool(url);
  return {
    keepsOrder: false,
    send: async (message, signal) => {
      let transport = home;
      for (let failures = 0; !signal.aborted; ) {
        try {
          return await links.get(transport).send(message, { signal, timeoutMs: ackTimeoutMs });
        } catch (error) {
          if (signal.aborted) return undefined;
          diary.failed(`send of ${message.id} by ${transport}`, error);
          // Half of the time by the same link, which has to be as good as new.
          if (random.oneIn(2)) links.drop(transport);
          if (random.oneIn(3)) transport = random.pick(transports);
          await pause(backOffMs(failures++, random), signal);
        }
      }
      return undefined;
    },
    close: () => links.close(),
  };
}

export interface SdkPostOptions extends PostOptions {
  /** False where an engine may refuse a message for the moment and take the ones that are on their way behind it. */
  readonly keepsOrder: boolean;
}

/** By the SDK, which promises to do all that itself: whatever it fails with is a violation. */
export function postBySdk({ url, home, random, diary, keepsOrder }: SdkPostOptions): Post {
  const client = connect(sdkOptions(url, home, random));
  return {
    keepsOrder,
    send: async ({ room = "", user, id, text }, signal) => {
      try {
        return await client.room(room).send({ user, text }, { id, signal });
      } catch (error) {
        if (!signal.aborted) diary.violation(`send of ${id} by the SDK failed: ${String(error)}`);
        return undefined;
      }
    },
    close: () => client.close(),
  };
}
