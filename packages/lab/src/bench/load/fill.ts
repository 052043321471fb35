import { becomesTrue } from "./clock.js";
import { openLoadSocket } from "./load-socket.js";
import { Publisher } from "./publisher.js";
import { createWire } from "./wires/create-wire.js";
import type { WireName } from "./wires/wire.js";

/** How many messages are on their way at a time: fewer than a connection may have unanswered (`maxRequestsInFlight`). */
const inFlight = 500;

export interface Filling {
  readonly messages: number;
  readonly timeoutMs: number;
  readonly wire: WireName;
}

/**
 * Put that many messages of the usual size into the bench's room, as fast as the log takes them.
 *
 * @throws Error: the connection was refused or lost, or they were not all there within `timeoutMs`.
 */
export async function fillRoom(port: number, { messages, timeoutMs, wire: name }: Filling): Promise<void> {
  const wire = createWire(name);
  const publisher = new Publisher(wire);
  let failure: string | undefined;
  let isOpen = false;
  let heard = 0;
  // A reader of the room hears what is durable: the next ones are sent for those that came.
  const read = wire.createReader({
    opened: () => {
      isOpen = true;
    },
    failed: (reason) => {
      failure ??= reason;
    },
    payload: (count) => {
      heard += count;
      publisher.publishMany(Math.min(messages, heard + inFlight) - publisher.published);
    },
    owed: (bytes) => socket.write(bytes),
    granted: () => undefined,
  });
  const lost = (reason: string): void => {
    failure ??= reason;
  };
  const socket = openLoadSocket({ port, greeting: wire.subscriberGreeting, read, lost });
  try {
    await publisher.open(port);
    await becomesTrue(() => isOpen || failure !== undefined, timeoutMs);
    publisher.publishMany(Math.min(messages, inFlight));
    const isFull = await becomesTrue(() => heard >= messages || failure !== undefined, timeoutMs);
    failure ??= publisher.failure;
    if (!isFull || failure !== undefined) throw new Error(`${heard} of ${messages} messages were stored; ${failure}`);
  } finally {
    socket.destroy();
    publisher.close();
  }
}
