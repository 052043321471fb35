import { cpuTimesOf, machineBusyUs, totalUs } from "../process-stats.js";
import { becomesTrue, nowUs } from "./clock.js";
import { Crowd } from "./crowd.js";
import { prime } from "./fanout.js";
import { Publisher } from "./publisher.js";
import { createWire } from "./wires/create-wire.js";
import type { WireName } from "./wires/wire.js";

/** Readers of a room that go on reading, whatever else its server has to do meanwhile. */
export interface LiveReadersLoad {
  readonly wire: WireName;
  readonly port: number;
  readonly serverPid: number;
  readonly readers: number;
  readonly ratePerSecond: number;
  /** Messages in the room before anything is measured. */
  readonly backlog: number;
  /** Latencies are taken of what is due from here on, and until there at the latest; milliseconds since 1970. */
  readonly fromUnixMs: number;
  readonly toUnixMs: number;
}

export interface LiveReadersResult {
  /** When a message was due, in milliseconds after `fromUnixMs`, and how late it came to one of the readers, in µs. */
  readonly samples: readonly (readonly [dueMs: number, latencyUs: number])[];
  /** The share of all messages that they had some time after the last one was sent; of 1. */
  readonly deliveredShare: number;
  /** What all programs but the server and this one used from `fromUnixMs` on, for so long. */
  readonly othersCpuUs: number;
  readonly elapsedUs: number;
}

/** Slow enough that no more calls are in flight than one connection may have. */
const backlogPerSecond = 2_000;
/** How often it is asked whether there is enough. */
const sliceMs = 500;
/** What is published last may wait behind all that others are sent. */
const drainMs = 20_000;

/**
 * Read and publish until the time is over, or `isEnough` says so.
 *
 * @throws Error: a connection was lost, or messages came twice or out of order.
 */
export async function measureLiveReaders(load: LiveReadersLoad, isEnough: () => boolean): Promise<LiveReadersResult> {
  const wire = createWire(load.wire);
  const fromUs = load.fromUnixMs * 1000 - performance.timeOrigin * 1000;
  const samples: [number, number][] = [];
  const next: number[] = [];
  let disorder = 0;
  const onMark = (reader: number, sequence: number, dueUs: number): void => {
    if (sequence !== (next[reader] ?? sequence)) disorder += 1;
    next[reader] = sequence + 1;
    if (dueUs >= fromUs) samples.push([(dueUs - fromUs) / 1000, nowUs() - dueUs]);
  };
  const crowd = new Crowd({ wire, port: load.port, subscribers: load.readers, sampled: load.readers, onMark });
  const publisher = new Publisher(wire);
  try {
    await crowd.openUpTo(load.readers);
    await publisher.open(load.port);
    await prime(crowd, publisher);
    const uncounted = publisher.published;
    await publisher.run(backlogPerSecond, (load.backlog * 1000) / backlogPerSecond);
    const lateMs = Date.now() - load.fromUnixMs;
    if (lateMs > 0) throw new Error(`the live readers were ready ${lateMs} ms too late`);
    // They begin before the measuring, so that a server which is not warm yet does not make the time before look bad.
    await publisher.run(load.ratePerSecond, -lateMs);
    const before = { atUs: nowUs(), othersUs: othersUs(load.serverPid) };
    while (!isEnough() && Date.now() < load.toUnixMs) await publisher.run(load.ratePerSecond, sliceMs);
    const after = { atUs: nowUs(), othersUs: othersUs(load.serverPid) };
    const due = (publisher.published - uncounted) * load.readers;
    await becomesTrue(() => crowd.totalReceived >= due, drainMs);
    const failure = crowd.failure ?? publisher.failure;
    if (failure !== undefined) throw new Error(failure);
    if (disorder > 0) throw new Error(`${disorder} messages came twice, or out of order, or with a hole before them`);
    const deliveredShare = Math.min(crowd.totalReceived / due, 1);
    return {
      samples,
      deliveredShare,
      othersCpuUs: after.othersUs - before.othersUs,
      elapsedUs: after.atUs - before.atUs,
    };
  } finally {
    crowd.close();
    publisher.close();
  }
}

function othersUs(serverPid: number): number {
  return machineBusyUs() - totalUs(cpuTimesOf(serverPid)) - totalUs(cpuTimesOf(process.pid));
}
