import { setTimeout as sleep } from "node:timers/promises";
import { cpuUsOf } from "../../bench/cpu-clock.js";
import { machineBusyUs } from "../../bench/process-stats.js";
import type { ClientWire, Reader } from "../client/wire.js";
import { histogramOf } from "../statistics/histogram.js";
import { median, quantile } from "../statistics/samples.js";
import { machineNowUs } from "./clock.js";
import type { Pacer } from "./pacer.js";
import { until } from "./waiting.js";

/** One sender and some readers of one room, each reader on a connection of its own. */
export interface FanoutJob {
  readonly port: number;
  readonly serverPid: number;
  readonly room: string;
  /** Makes the ids of this run its own. */
  readonly tag: string;
  readonly subscribers: number;
  readonly ratePerSecond: number;
  readonly warmUpMs: number;
  readonly measureMs: number;
}

export interface FanoutFigures {
  /** Messages × readers of the measured time. */
  readonly expected: number;
  readonly delivered: number;
  /** Every message was sent and delivered, and later ones took no longer than early ones: else the figures do not count. */
  readonly keptRate: boolean;
  /** How much later the last tenth of the messages arrived than the first, at their medians. */
  readonly fellBehindUs: number | undefined;
  /** From the time a message was due to the time a reader had decoded it. `undefined`: nothing arrived. */
  readonly latencyUs: { readonly p50: number; readonly p95: number; readonly p99: number } | undefined;
  readonly histogram: readonly number[];
  /** For a message that is sent once and delivered to all readers. */
  readonly serverCpuUsPerMessage: number;
  readonly clientCpuUsPerMessage: number;
  readonly clientCoreShare: number;
  /** What other programs used meanwhile, in cores. */
  readonly othersCoreShare: number;
}

/** How long after the last message was due all of them must have arrived. */
const graceMs = 1_000;
/**
 * A server, or a client, that is too slow by a tenth is this far behind at the end of a second. Constant latency, however
 * long, is none of it.
 */
const maxFallBehindUs = 100_000;
const firstDueMs = 5;

/**
 * Send by the clock and not by the answers (open loop): a message is due at a time that was fixed before, and its latency
 * counts from then, so neither a stalled server nor a stalled client can hide.
 *
 * @throws Error: a connection was refused or lost.
 */
export async function measureFanout(wire: ClientWire, pacer: Pacer, job: FanoutJob): Promise<FanoutFigures> {
  const run = new FanoutRun(job);
  const readers: Reader[] = [];
  const sender = wire.createSender({
    port: job.port,
    room: job.room,
    isCompressed: false,
    acknowledged: () => undefined,
    failed: run.failed,
  });
  try {
    for (let index = 0; index < job.subscribers; index += 1) readers.push(wire.openReader(run.readerOptions(index)));
    await sender.open();
    await until("the start of all readings", () => run.isGood() && run.ready === job.subscribers, 15_000);
    await run.send(pacer, sender, job.warmUpMs);
    await run.drained();
    run.beginMeasuring();
    const before = snapshot(job.serverPid);
    await run.send(pacer, sender, job.measureMs);
    await run.drained();
    return run.figures(before, snapshot(job.serverPid));
  } finally {
    for (const reader of readers) reader.close();
    sender.close();
  }
}

interface Snapshot {
  readonly atUs: number;
  readonly serverUs: number;
  readonly clientUs: number;
  readonly machineUs: number;
}

function snapshot(serverPid: number): Snapshot {
  const [serverUs, clientUs] = [cpuUsOf(serverPid), cpuUsOf(process.pid)];
  return { atUs: machineNowUs(), serverUs, clientUs, machineUs: machineBusyUs() };
}

class FanoutRun {
  ready = 0;
  failure: string | undefined;
  readonly failed = (reason: string): void => {
    this.failure ??= reason;
  };
  readonly #job: FanoutJob;
  /** When each message was due, by its number. */
  readonly #dueUs: number[] = [];
  /** Messages before this one are warm-up. */
  #firstMeasured = Number.POSITIVE_INFINITY;
  #received = 0;
  #receivedMeasured = 0;
  readonly #latenciesUs: number[] = [];
  /** The same by message, in the order in which they were due. */
  readonly #latenciesByMessageUs = new Map<number, number>();

  constructor(job: FanoutJob) {
    this.#job = job;
  }

  isGood(): boolean {
    if (this.failure !== undefined) throw new Error(this.failure);
    return true;
  }

  readerOptions(index: number) {
    const prefix = `${this.#job.tag}-`;
    const seen = new Set<number>();
    return {
      port: this.#job.port,
      rooms: [this.#job.room],
      history: 0,
      ready: () => {
        this.ready += 1;
      },
      messages: (ids: readonly string[]) => {
        const nowUs = machineNowUs();
        for (const id of ids) {
          // Stragglers of an earlier run: they were slow there.
          if (!id.startsWith(prefix)) continue;
          const number = Number(id.slice(prefix.length));
          // Their order is the server's to give: sends on several connections overtake each other.
          if (seen.has(number)) this.failed(`reader ${index} got message ${number} twice`);
          seen.add(number);
          this.#received += 1;
          if (number < this.#firstMeasured) continue;
          this.#receivedMeasured += 1;
          const latencyUs = nowUs - (this.#dueUs[number] ?? nowUs);
          this.#latenciesUs.push(latencyUs);
          // Its last reader's.
          this.#latenciesByMessageUs.set(number, latencyUs);
        }
      },
      failed: this.failed,
    };
  }

  async send(pacer: Pacer, sender: { send(id: string): void }, durationMs: number): Promise<void> {
    const intervalUs = 1_000_000 / this.#job.ratePerSecond;
    const count = Math.max(1, Math.round((durationMs * 1000) / intervalUs));
    const startUs = machineNowUs() + firstDueMs * 1000;
    const first = this.#dueUs.length;
    for (let index = 0; index < count; index += 1) this.#dueUs.push(startUs + index * intervalUs);
    await pacer.run({ startUs, intervalUs, count }, (tick) => sender.send(`${this.#job.tag}-${first + tick}`));
  }

  /** Resolves when all that was sent is everywhere, or is too late. */
  async drained(): Promise<void> {
    const all = this.#dueUs.length * this.#job.subscribers;
    const deadlineUs = (this.#dueUs.at(-1) ?? 0) + graceMs * 1000;
    while (this.#received < all && machineNowUs() < deadlineUs) {
      this.isGood();
      await sleep(2);
    }
    this.isGood();
  }

  beginMeasuring(): void {
    this.#firstMeasured = this.#dueUs.length;
  }

  figures(before: Snapshot, after: Snapshot): FanoutFigures {
    const expected = (this.#dueUs.length - this.#firstMeasured) * this.#job.subscribers;
    const sorted = Float64Array.from(this.#latenciesUs).sort();
    const [p50, p95, p99] = sorted.length === 0 ? [] : [0.5, 0.95, 0.99].map((share) => quantile(sorted, share));
    const elapsedUs = after.atUs - before.atUs;
    const [serverUs, clientUs] = [after.serverUs - before.serverUs, after.clientUs - before.clientUs];
    const fellBehindUs = fallBehindUs(this.#latenciesByMessageUs);
    const messages = Math.max(this.#receivedMeasured / this.#job.subscribers, 1);
    return {
      expected,
      delivered: this.#receivedMeasured,
      keptRate: this.#receivedMeasured === expected && (fellBehindUs ?? 0) <= maxFallBehindUs,
      fellBehindUs,
      latencyUs: p50 === undefined || p95 === undefined || p99 === undefined ? undefined : { p50, p95, p99 },
      histogram: histogramOf(sorted),
      serverCpuUsPerMessage: serverUs / messages,
      clientCpuUsPerMessage: clientUs / messages,
      clientCoreShare: clientUs / elapsedUs,
      othersCoreShare: Math.max(after.machineUs - before.machineUs - serverUs - clientUs, 0) / elapsedUs,
    };
  }
}

/**
 * How much later, after they were due, the last tenth of some messages arrived than the first, at their medians; by the
 * messages' numbers, in any order.
 */
export function fallBehindUs(latenciesUs: ReadonlyMap<number, number>): number | undefined {
  const inOrder = [...latenciesUs].toSorted(([a], [b]) => a - b).map(([, latencyUs]) => latencyUs);
  const tenth = Math.ceil(inOrder.length / 10);
  return tenth === 0 ? undefined : median(inOrder.slice(-tenth)) - median(inOrder.slice(0, tenth));
}
