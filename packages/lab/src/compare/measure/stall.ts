import { setTimeout as sleep } from "node:timers/promises";
import type { ClientWire } from "../client/wire.js";
import { startRelay } from "../relay/relay.js";
import { machineNowUs } from "./clock.js";
import { until } from "./waiting.js";

/** Two rooms are read, on as few connections as the transport allows, and the first connection is stalled for a while. */
export interface StallFigures {
  /** How many connections two rooms took. */
  readonly connections: number;
  /** How long it was stalled. */
  readonly stallMs: number;
  /** How late the other room's message was. */
  readonly otherRoomMs: number;
  readonly isOtherRoomHeld: boolean;
}

export interface StallJob {
  readonly port: number;
  readonly room: string;
  readonly tag: string;
}

/** As long as TCP takes to send a lost packet again on a path of middling length (RFC 6298 §2.4 has 1 s as the least). */
const stallMs = 300;

/** Stall the connection that reads the first room, send to the second, and see when it arrives. */
export async function measureStall(wire: ClientWire, { port, room, tag }: StallJob): Promise<StallFigures> {
  const relay = await startRelay({ port });
  const otherRoom = `${room}-other`;
  let ready = 0;
  let arrivedUs = 0;
  let failure: string | undefined;
  const failed = (reason: string): void => {
    failure ??= reason;
  };
  const good = (isDone: boolean): boolean => {
    if (failure !== undefined) throw new Error(failure);
    return isDone;
  };
  const reader = wire.openReader({
    port: relay.port,
    rooms: [room, otherRoom],
    history: 0,
    ready: () => {
      ready += 1;
    },
    messages: (ids) => {
      if (ids.some((id) => id.startsWith(`${tag}-stall`))) arrivedUs = machineNowUs();
    },
    failed,
  });
  // Straight to the server: only the reading is stalled.
  const sender = wire.createSender({
    port,
    room: otherRoom,
    isCompressed: false,
    acknowledged: () => undefined,
    failed,
  });
  try {
    await sender.open();
    await until("the start of both readings", () => good(ready === 2));
    // The first message on a warm path, so that what is measured is the stall.
    sender.send(`${tag}-stall0`);
    await until("a message before the stall", () => good(arrivedUs > 0));
    const goOn = relay.stallFirst();
    arrivedUs = 0;
    const sentUs = machineNowUs();
    sender.send(`${tag}-stall1`);
    await sleep(stallMs);
    goOn();
    await until("the message after the stall", () => good(arrivedUs > 0));
    const otherRoomMs = (arrivedUs - sentUs) / 1000;
    const { connections } = relay.counts();
    return { connections, stallMs, otherRoomMs, isOtherRoomHeld: otherRoomMs >= stallMs };
  } finally {
    reader.close();
    sender.close();
    await relay.close();
  }
}
