import { rssBytesOf } from "../process-stats.js";
import { sleep } from "./clock.js";
import { Crowd } from "./crowd.js";
import { type FanoutLoad, type FanoutResult, measureSubscribers, prime } from "./fanout.js";
import { Publisher } from "./publisher.js";
import { createWire } from "./wires/create-wire.js";

/** A fan-out to readers that read, beside others that have stopped. */
export interface StalledLoad extends FanoutLoad {
  /** Readers that stop reading before the others come; 0 for the run to compare with. */
  readonly stalled: number;
}

export interface StalledResult extends FanoutResult {
  /** How much the server's RSS grew from before the stalled ones stopped until it had given up on them. */
  readonly rssGrowthBytes: number;
}

/** Enough to fill what the kernel keeps for a connection (4 MiB by its defaults) and the server's own bound after it. */
const floodMessages = 600;
/** With all that is around it, one DATA frame of HTTP/2 by its default size. */
const floodTextLength = 16_000;
const floodIntervalMs = 10;
/** How long the server may take to come to rest. */
const settleMs = 1_500;

/** @throws Error: a connection was refused or lost, also one that stopped reading, or somebody was not reached. */
export async function measureStalled(load: StalledLoad): Promise<StalledResult> {
  const wire = createWire(load.wire);
  const stalled = new Crowd({
    wire,
    port: load.port,
    subscribers: load.stalled,
    sampled: 0,
    onMark: () => undefined,
  });
  const publisher = new Publisher(wire);
  try {
    await publisher.open(load.port);
    await stalled.openUpTo(load.stalled);
    await prime(stalled, publisher);
    // The server has seen such messages before, so that its growth is not that of its first ones.
    await flood(publisher);
    await sleep(settleMs);
    const rssBeforeBytes = rssBytesOf(load.serverPid);
    stalled.stopReading();
    await flood(publisher);
    await sleep(settleMs);
    const rssGrowthBytes = rssBytesOf(load.serverPid) - rssBeforeBytes;
    const result = await measureSubscribers(load, wire, publisher);
    const failure = stalled.failure ?? publisher.failure;
    if (failure !== undefined) throw new Error(failure);
    return { ...result, rssGrowthBytes };
  } finally {
    stalled.close();
    publisher.close();
  }
}

async function flood(publisher: Publisher): Promise<void> {
  for (let i = 0; i < floodMessages; i += 1) {
    publisher.publishLong(floodTextLength);
    await sleep(floodIntervalMs);
  }
}
