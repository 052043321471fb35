import { cpuTimesOf, totalUs } from "../process-stats.js";
import { becomesTrue, nowUs } from "./clock.js";
import { Crowd } from "./crowd.js";
import { prime } from "./fanout.js";
import { LatencyLog } from "./latency-log.js";
import { Publisher } from "./publisher.js";
import { createWire } from "./wires/create-wire.js";
import type { WireName } from "./wires/wire.js";

/** One publisher that goes faster and faster until the server does not keep up. */
export interface HighestRateLoad {
  readonly wire: WireName;
  readonly port: number;
  readonly serverPid: number;
  readonly subscribers: number;
  /** A rate is kept if the latencies' p99 is not above this, in milliseconds. */
  readonly p99BoundMs: number;
  /** How long each rate is tried, in milliseconds. */
  readonly stepMs: number;
}

export interface HighestRateResult {
  /** Messages per second, each to all subscribers; 0: not even the lowest rate was kept. */
  readonly ratePerSecond: number;
  readonly p99Us: number | undefined;
  /** How busy both sides were at the rate that was kept, in cores: which of them was the limit. */
  readonly serverCoreShare: number;
  readonly loadCoreShare: number;
}

const lowestRate = 31.25;
/** Beyond it the question is another one: the load alone would need several cores. */
const ceilingRate = 32_000;
/** After doubling, how often the gap between a kept rate and one that was not is halved: to a step of 9 %. */
const refinements = 3;
const warmUpMs = 1_000;
/** How long a server may take to send what piled up at a rate that it did not keep, before the next is tried. */
const drainMs = 10_000;
const sampledSubscribers = 20;

type Step = Omit<HighestRateResult, "ratePerSecond"> & { readonly isKept: boolean };

/** Search that rate. @throws Error: a connection was refused or lost, or messages came twice, or with holes. */
export async function measureHighestRate(load: HighestRateLoad): Promise<HighestRateResult> {
  const wire = createWire(load.wire);
  let log = new LatencyLog();
  const crowd = new Crowd({
    wire,
    port: load.port,
    subscribers: load.subscribers,
    sampled: Math.min(sampledSubscribers, load.subscribers),
    onMark: (sample, sequence, dueUs) => log.record(sample, sequence, nowUs() - dueUs),
  });
  const publisher = new Publisher(wire);

  async function tryRate(ratePerSecond: number, durationMs: number): Promise<Step> {
    log = new LatencyLog();
    const firstPublished = publisher.published;
    const firstReceived = crowd.totalReceived;
    log.beginAt(firstPublished);
    const before = snapshot(load.serverPid);
    await publisher.run(ratePerSecond, durationMs);
    const due = (publisher.published - firstPublished) * load.subscribers;
    const isDelivered = (): boolean =>
      crowd.totalReceived - firstReceived >= due || crowd.failure !== undefined || publisher.failure !== undefined;
    const isInTime = await becomesTrue(isDelivered, load.p99BoundMs);
    const after = snapshot(load.serverPid);
    if (!isInTime) await becomesTrue(isDelivered, drainMs);
    const failure = crowd.failure ?? publisher.failure;
    if (failure !== undefined) throw new Error(`at ${ratePerSecond} messages/s: ${failure}`);
    if (log.outOfOrder > 0) throw new Error(`${log.outOfOrder} messages came twice, or with a hole before them`);
    const { p99Us } = log.percentilesUs();
    return {
      isKept: isInTime && p99Us !== undefined && p99Us <= load.p99BoundMs * 1000,
      p99Us,
      serverCoreShare: (after.serverUs - before.serverUs) / (after.atUs - before.atUs),
      loadCoreShare: (after.loadUs - before.loadUs) / (after.atUs - before.atUs),
    };
  }

  try {
    await publisher.open(load.port);
    await crowd.openUpTo(load.subscribers);
    await prime(crowd, publisher);
    await tryRate(lowestRate, warmUpMs);
    return await searchHighest((rate) => tryRate(rate, load.stepMs));
  } finally {
    crowd.close();
    publisher.close();
  }
}

/**
 * Double the rate until one is not kept, then halve the gap, by ratio. A rate just above what a server can do may be
 * kept for one step by luck, or missed by bad luck: the result is as exact as its step.
 */
export async function searchHighest(tryRate: (ratePerSecond: number) => Promise<Step>): Promise<HighestRateResult> {
  let best: HighestRateResult = { ratePerSecond: 0, p99Us: undefined, serverCoreShare: 0, loadCoreShare: 0 };
  let missed: number | undefined;
  for (let rate = lowestRate; missed === undefined && rate <= ceilingRate; rate *= 2) {
    const { isKept, ...step } = await tryRate(rate);
    if (isKept) best = { ratePerSecond: rate, ...step };
    else missed = rate;
  }
  for (let done = 0; done < refinements && missed !== undefined && best.ratePerSecond > 0; done += 1) {
    const rate = Math.round(Math.sqrt(best.ratePerSecond * missed));
    const { isKept, ...step } = await tryRate(rate);
    if (isKept) best = { ratePerSecond: rate, ...step };
    else missed = rate;
  }
  return best;
}

function snapshot(serverPid: number) {
  return { atUs: nowUs(), serverUs: totalUs(cpuTimesOf(serverPid)), loadUs: totalUs(cpuTimesOf(process.pid)) };
}
