import { noisyCoreShare } from "../figures.js";
import { cpuTimesOf, machineBusyUs, totalUs } from "../process-stats.js";
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
  /** What the rest of the machine's programs used then, in cores. */
  readonly othersCoreShare: number;
}

/** The first rate that is tried; a server that does not keep it has no rate. */
export const lowestRatePerSecond = 31.25;
/** Beyond it the question is another one: the load alone would need several cores. */
const ceilingRate = 32_000;
/** After doubling, how often the gap between a kept rate and one that was not is halved: to a step of 9 %. */
const refinements = 3;
const warmUpMs = 1_000;
/** How long a server may take to send what piled up at a rate that it did not keep, before the next is tried. */
const drainMs = 10_000;
const sampledSubscribers = 20;

type Step = Omit<HighestRateResult, "ratePerSecond"> & {
  readonly isKept: boolean;
  /** Nothing is left of it that the next step would be charged with. */
  readonly isDrained: boolean;
};

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
    const isDrained = isInTime || (await becomesTrue(isDelivered, drainMs));
    if (crowd.failure !== undefined) throw new Error(`at ${ratePerSecond} messages/s: ${crowd.failure}`);
    // What was refused is missing, as it should be; of a publisher that was not, nothing may be.
    if (publisher.failure === undefined && log.outOfOrder > 0)
      throw new Error(`${log.outOfOrder} messages came twice, or with a hole before them`);
    const { p99Us } = log.percentilesUs();
    const elapsedUs = after.atUs - before.atUs;
    const serverUs = after.serverUs - before.serverUs;
    const loadUs = after.loadUs - before.loadUs;
    return {
      // A publisher that is refused, as one with too many calls under way is, has a server that does not keep its rate.
      isKept: publisher.failure === undefined && isInTime && p99Us !== undefined && p99Us <= load.p99BoundMs * 1000,
      isDrained: publisher.failure === undefined && isDrained,
      p99Us,
      serverCoreShare: serverUs / elapsedUs,
      loadCoreShare: loadUs / elapsedUs,
      othersCoreShare: Math.max(after.busyUs - before.busyUs - serverUs - loadUs, 0) / elapsedUs,
    };
  }

  try {
    await publisher.open(load.port);
    await crowd.openUpTo(load.subscribers);
    await prime(crowd, publisher);
    await tryRate(lowestRatePerSecond, warmUpMs);
    return await searchHighest((rate) => tryRate(rate, load.stepMs));
  } finally {
    crowd.close();
    publisher.close();
  }
}

/**
 * Double the rate until one is not kept, then halve the gap, by ratio. A rate that was missed while other programs were
 * busy is tried once more: that may have been their doing. A rate just above what a server can do may be kept for one
 * step by luck, so the result is as exact as its step.
 */
export async function searchHighest(tryRate: (ratePerSecond: number) => Promise<Step>): Promise<HighestRateResult> {
  let best: HighestRateResult | undefined;
  let refused: { readonly ratePerSecond: number; readonly step: Step } | undefined;

  async function isKeptAt(ratePerSecond: number): Promise<boolean> {
    let step = await tryRate(ratePerSecond);
    if (!step.isKept && step.isDrained && step.othersCoreShare > noisyCoreShare) step = await tryRate(ratePerSecond);
    if (step.isKept) best = { ratePerSecond, ...figuresOf(step) };
    else refused = { ratePerSecond, step };
    return step.isKept;
  }

  let rate = lowestRatePerSecond;
  while (rate <= ceilingRate && (await isKeptAt(rate))) rate *= 2;
  for (let done = 0; done < refinements && best !== undefined && refused?.step.isDrained === true; done += 1)
    await isKeptAt(Math.round(Math.sqrt(best.ratePerSecond * refused.ratePerSecond)));
  if (best !== undefined) return best;
  if (refused === undefined) throw new Error("no rate was tried");
  return { ratePerSecond: 0, ...figuresOf(refused.step) };
}

function figuresOf({ p99Us, serverCoreShare, loadCoreShare, othersCoreShare }: Step) {
  return { p99Us, serverCoreShare, loadCoreShare, othersCoreShare };
}

function snapshot(serverPid: number) {
  return {
    atUs: nowUs(),
    serverUs: totalUs(cpuTimesOf(serverPid)),
    loadUs: totalUs(cpuTimesOf(process.pid)),
    busyUs: machineBusyUs(),
  };
}
