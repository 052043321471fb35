import { setTimeout as sleep } from "node:timers/promises";
import type { ClientWire } from "../client/wire.js";
import { type FanoutFigures, type FanoutJob, measureFanout } from "./fanout.js";
import type { Pacer } from "./pacer.js";

export interface CapacityJob extends FanoutJob {
  /** A rate is kept when every message arrives and their p99 is below this. */
  readonly maxP99Ms: number;
  /** The search ends after this long with what it knows. */
  readonly budgetMs: number;
}

export interface CapacityFigures {
  /** The highest rate that was kept, in messages a second; 0: not even the first. */
  readonly ratePerSecond: number;
  /** The lowest rate that was not kept; `undefined`: the search ended before it found one. */
  readonly failedRatePerSecond: number | undefined;
  /** The busiest that the clients' process was at the rate that was kept: near 1, they were the limit. */
  readonly clientCoreShare: number;
  readonly steps: number;
}

/** How much faster each step is until one fails, and how near the two ends must come after it: halving a gap is quick. */
const growth = 4;
const precision = 1.15;
const pauseMs = 60;

/** Find the highest rate that keeps p99 under its bound: faster and faster until one fails, then between the two. */
export async function measureCapacity(wire: ClientWire, pacer: Pacer, job: CapacityJob): Promise<CapacityFigures> {
  const deadlineMs = performance.now() + job.budgetMs;
  let [kept, failed, busiest, steps] = [0, Number.POSITIVE_INFINITY, 0, 0];
  for (let rate = job.ratePerSecond; performance.now() < deadlineMs; ) {
    const figures = await step(wire, pacer, { ...job, ratePerSecond: rate, tag: `${job.tag}${steps}` });
    steps += 1;
    if (figures.keptRate && (figures.latencyUs?.p99 ?? Number.POSITIVE_INFINITY) <= job.maxP99Ms * 1000) {
      kept = rate;
      busiest = figures.clientCoreShare;
    } else failed = rate;
    if (failed / kept <= precision) break;
    // Half of the first rate was not kept either: it is not worth more time.
    if (kept === 0 && failed <= job.ratePerSecond / 8) break;
    rate = Math.round(kept === 0 ? failed / 2 : Number.isFinite(failed) ? Math.sqrt(kept * failed) : kept * growth);
    // What the last step left in queues must not be the next one's burden.
    await sleep(pauseMs);
  }
  return {
    ratePerSecond: kept,
    failedRatePerSecond: Number.isFinite(failed) ? failed : undefined,
    clientCoreShare: busiest,
    steps,
  };
}

/** A connection that breaks under the load is a rate that was not kept. */
async function step(wire: ClientWire, pacer: Pacer, job: FanoutJob): Promise<FanoutFigures> {
  try {
    return await measureFanout(wire, pacer, job);
  } catch {
    return {
      expected: 0,
      delivered: 0,
      keptRate: false,
      latencyUs: undefined,
      histogram: [],
      fellBehindUs: undefined,
      serverCpuUsPerMessage: 0,
      clientCpuUsPerMessage: 0,
      clientCoreShare: 0,
      othersCoreShare: 0,
    };
  }
}
