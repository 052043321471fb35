import { type CpuTimes, cpuTimesBetween, cpuTimesOf, machineBusyUs, totalUs } from "../process-stats.js";
import { becomesTrue, nowUs } from "./clock.js";
import { Crowd } from "./crowd.js";
import { LatencyLog } from "./latency-log.js";
import { Publisher } from "./publisher.js";
import { createWire } from "./wires/create-wire.js";
import type { Wire, WireName } from "./wires/wire.js";

/** Many subscribers and one publisher on one server. */
export interface FanoutLoad {
  readonly wire: WireName;
  readonly port: number;
  /** Where the publisher connects, if that is another node. */
  readonly publisherPort?: number;
  readonly serverPid: number;
  readonly subscribers: number;
  readonly ratePerSecond: number;
  readonly warmUpMs: number;
  readonly measureMs: number;
  /** How late the last message may be for a server to "keep up", in milliseconds. */
  readonly graceMs: number;
}

export interface FanoutResult {
  /** Messages × subscribers of the measured time. */
  readonly expected: number;
  /** How many of those arrived, at the latest `graceMs` after the last one was due. */
  readonly delivered: number;
  /** All messages that arrived during the measured time: also late ones of the warm-up. What the CPU time was spent on. */
  readonly arrived: number;
  readonly bytesPerDelivery: number;
  /** How many messages came together, on average: a server that is held up delivers more of them with one write. */
  readonly messagesPerRead: number;
  readonly serverCpu: CpuTimes;
  readonly loadCpu: CpuTimes;
  /** What the rest of the machine's programs used meanwhile. */
  readonly othersCpuUs: number;
  readonly elapsedUs: number;
  readonly p50Us: number | undefined;
  readonly p99Us: number | undefined;
  readonly outOfOrder: number;
}

/** How long a warm-up's messages may take to arrive before the measuring begins all the same. */
const drainMs = 3_000;
/** How long every subscriber may take to be reached by a first message. */
const primeMs = 15_000;
/** How long a first message is waited for before the next one. */
const primeIntervalMs = 100;
const sampledSubscribers = 20;

/** Run that load. @throws Error: a connection was refused or lost, or not every subscriber could be reached. */
export async function measureFanout(load: FanoutLoad): Promise<FanoutResult> {
  const wire = createWire(load.wire);
  const publisher = new Publisher(wire);
  try {
    await publisher.open(load.publisherPort ?? load.port);
    return await measureSubscribers(load, wire, publisher);
  } finally {
    publisher.close();
  }
}

/** The same with a publisher that is connected already. */
export async function measureSubscribers(load: FanoutLoad, wire: Wire, publisher: Publisher): Promise<FanoutResult> {
  const log = new LatencyLog();
  const onMark = (sample: number, sequence: number, dueUs: number): void =>
    log.record(sample, sequence, nowUs() - dueUs);
  const sampled = Math.min(sampledSubscribers, load.subscribers);
  const crowd = new Crowd({ wire, port: load.port, subscribers: load.subscribers, sampled, onMark });
  try {
    await crowd.openUpTo(load.subscribers);
    await prime(crowd, publisher);
    const result = await measure(load, crowd, publisher, log);
    const failure = crowd.failure ?? publisher.failure;
    if (failure !== undefined) throw new Error(failure);
    return result;
  } finally {
    crowd.close();
  }
}

/**
 * Publish until everybody has received something, because not every server says when a subscription takes effect. Then
 * wait until everybody has the last of these messages: none of them may arrive later and be counted with the others.
 */
export async function prime(
  crowd: Crowd,
  publisher: Pick<Publisher, "published" | "publishNow" | "failure">,
): Promise<void> {
  const subscribers = crowd.received.length;
  let publishedUs = 0;
  const everybodyReads = await becomesTrue(() => {
    if (nowUs() - publishedUs > primeIntervalMs * 1000) {
      publisher.publishNow();
      publishedUs = nowUs();
    }
    return crowd.reachedBy(0) === subscribers;
  }, primeMs);
  const last = publisher.published - 1;
  if (!everybodyReads || !(await becomesTrue(() => crowd.reachedBy(last) === subscribers, primeMs))) {
    const failure = crowd.failure ?? publisher.failure ?? `none of them failed within ${primeMs} ms`;
    throw new Error(
      `${crowd.reachedBy(everybodyReads ? last : 0)} of ${subscribers} subscribers were reached; ${failure}`,
    );
  }
  crowd.beginCounting();
}

async function measure(load: FanoutLoad, crowd: Crowd, publisher: Publisher, log: LatencyLog): Promise<FanoutResult> {
  const firstWarmUp = publisher.published;
  await publisher.run(load.ratePerSecond, load.warmUpMs);
  const warmUps = publisher.published - firstWarmUp;
  await becomesTrue(() => crowd.totalReceived >= warmUps * load.subscribers, drainMs);

  log.beginAt(publisher.published);
  const before = snapshot(load.serverPid, crowd);
  await publisher.run(load.ratePerSecond, load.measureMs);
  const messages = publisher.published - firstWarmUp - warmUps;
  await becomesTrue(() => crowd.totalReceived >= (warmUps + messages) * load.subscribers, load.graceMs);
  const after = snapshot(load.serverPid, crowd);

  // Messages come in order, so what a subscriber has beyond the warm-up's number belongs to the measured time.
  const delivered = crowd.received.reduce((sum, count) => sum + Math.min(Math.max(count - warmUps, 0), messages), 0);
  const repeated = crowd.received.filter((count) => count > warmUps + messages).length;
  const arrived = after.arrived - before.arrived;
  const serverCpu = cpuTimesBetween(before.server, after.server);
  const loadCpu = cpuTimesBetween(before.load, after.load);
  return {
    expected: messages * load.subscribers,
    delivered,
    arrived,
    bytesPerDelivery: arrived === 0 ? 0 : (after.bytes - before.bytes) / arrived,
    messagesPerRead: arrived / Math.max(after.reads - before.reads, 1),
    serverCpu,
    loadCpu,
    othersCpuUs: after.machineBusyUs - before.machineBusyUs - totalUs(serverCpu) - totalUs(loadCpu),
    elapsedUs: after.atUs - before.atUs,
    ...log.percentilesUs(),
    outOfOrder: log.outOfOrder + repeated,
  };
}

function snapshot(serverPid: number, crowd: Crowd) {
  return {
    atUs: nowUs(),
    server: cpuTimesOf(serverPid),
    load: cpuTimesOf(process.pid),
    arrived: crowd.totalReceived,
    bytes: crowd.totalBytes,
    reads: crowd.totalReads,
    machineBusyUs: machineBusyUs(),
  };
}
