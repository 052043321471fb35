import type { ClientWire } from "../client/wire.js";
import { startRelay } from "../relay/relay.js";
import { machineNowUs } from "./clock.js";
import { until } from "./waiting.js";

/** How a newcomer comes to the newest message of a room. */
export interface FirstMessageFigures {
  /** How often client and server waited for each other, the TCP handshake included: measured, through a slow relay. */
  readonly roundTrips: number;
}

/** Long beside what client and server do themselves on a busy machine too, so that round trips can be counted by it. */
const halfRoundTripMs = 50;
/** The fewest round trips must have been seen so often; a busy machine may need many runs for that. */
const confirmations = 3;
const maxSlowRuns = 12;
/** Timers may be a millisecond early, in round trips. */
const timerError = 0.1;

/** Count the round trips. The room must hold a message. */
export async function measureFirstMessage(wire: ClientWire, port: number, room: string): Promise<FirstMessageFigures> {
  const relay = await startRelay({ port, delayUpMs: halfRoundTripMs, delayDownMs: halfRoundTripMs });
  try {
    const seen: number[] = [];
    let fewest = Number.POSITIVE_INFINITY;
    while (seen.filter((trips) => trips === fewest).length < confirmations && seen.length < maxSlowRuns) {
      const slowUs = await firstMessageUs(wire, relay.port, room);
      // The relay answers the TCP handshake itself, at once: that round trip is added. Cut and not rounded, and the fewest of
      // all runs, because nothing makes a round trip shorter and a busy machine makes it longer.
      seen.push(1 + Math.floor(slowUs / (2 * halfRoundTripMs * 1000) + timerError));
      fewest = Math.min(...seen);
    }
    return { roundTrips: fewest };
  } finally {
    await relay.close();
  }
}

/** How long it takes from connecting to the message, in µs. */
export async function firstMessageUs(wire: ClientWire, port: number, room: string): Promise<number> {
  const begunUs = machineNowUs();
  let arrivedUs = 0;
  let failure: string | undefined;
  const reader = wire.openReader({
    port,
    rooms: [room],
    history: 1,
    ready: () => undefined,
    messages: () => {
      arrivedUs = machineNowUs();
    },
    failed: (reason) => {
      failure ??= reason;
    },
  });
  try {
    await until("the first message", () => {
      if (failure !== undefined) throw new Error(failure);
      return arrivedUs > 0;
    });
    return arrivedUs - begunUs;
  } finally {
    reader.close();
  }
}
