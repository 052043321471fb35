import assert from "node:assert/strict";
import { type Ack, type ChatMessage, type Client, type ConnectOptions, connect } from "@confab/client/node";

/** Waits short enough for tests; everything else is as users have it. */
const quickReconnect = { firstDelayMs: 20, maxDelayMs: 200 } as const;

/** Connect through a proxy with short waits. */
export function quickClient(options: ConnectOptions): Client {
  return connect({ reconnect: quickReconnect, ...options });
}

export interface Conversation {
  /** Send this many messages without waiting for one before the next is sent. */
  say(count: number): void;
  /** Resolves once the reader was given this many messages. @throws what ended the reading. */
  untilHeard(count: number): Promise<void>;
  /**
   * Resolves once all sends are acknowledged and were heard.
   *
   * @throws AssertionError: a message came twice, too late or not at all, or a send has two places.
   */
  prove(): Promise<void>;
}

/** A client reads and writes a room; what it is told is checked against the promises of the SDK. */
export async function startConversation(client: Client, room: string): Promise<Conversation> {
  const heard: ChatMessage[] = [];
  const acks: Promise<Ack>[] = [];
  let wake: () => void = () => undefined;
  const subscription = client.room(room).subscribe((message) => {
    // Whoever resumes from within its handling must not get it again.
    assert.equal(subscription.position, message.position);
    heard.push(message);
    wake();
  });
  let end: { readonly error: unknown } | undefined;
  void subscription.ended.then((error) => {
    end = { error };
    wake();
  });
  const untilHeard = async (count: number) => {
    while (heard.length < count) {
      if (end) throw new Error(`reading ended after ${heard.length} messages`, { cause: end.error });
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  };
  // A first message that is heard: from here on nothing may be missed.
  while (subscription.position === undefined) await client.room(room).history();
  return {
    untilHeard,
    say: (count) => {
      for (let index = 0; index < count; index++) {
        acks.push(client.room(room).send(`message ${acks.length}`, { id: `id-${acks.length}` }));
      }
    },
    prove: async () => {
      const places = (await Promise.all(acks)).map(({ position }) => position);
      await untilHeard(acks.length);
      assert.deepEqual(
        heard.map(({ text, id, position }) => [text, id, position]),
        places.map((position, index) => [`message ${index}`, `id-${index}`, position]),
      );
      assert.deepEqual(
        places.map((position) => Number(position.split(":")[1])),
        places.map((_, index) => index + 1),
      );
    },
  };
}
