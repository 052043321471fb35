import { cpuUsOf } from "../cpu-clock.js";
import { machineBusyUs } from "../process-stats.js";
import { percentile } from "../statistics.js";
import { AcknowledgedSender } from "./acknowledged-sender.js";
import { becomesTrue, nowUs } from "./clock.js";
import { Crowd } from "./crowd.js";
import { prime } from "./fanout.js";
import { LatencyLog } from "./latency-log.js";
import { keepSchedule } from "./schedule.js";
import { createRequestWire } from "./wires/create-request-wire.js";
import { createWire } from "./wires/create-wire.js";
import type { RequestWireName } from "./wires/request-wire.js";
import type { WireName } from "./wires/wire.js";

/** Few messages, each on its own, to few readers: what most servers do most of their time. */
export interface LowRateLoad {
  readonly port: number;
  readonly serverPid: number;
  /** How the readers, and how the sender, speak to the server. */
  readonly readerWire: WireName;
  readonly senderWire: RequestWireName;
  readonly readers: number;
  readonly ratePerSecond: number;
  /** Before the measuring messages come at this rate, so that what runs hot is compiled. */
  readonly warmUpRatePerSecond: number;
  readonly warmUpMs: number;
  readonly measureMs: number;
}

export interface LowRateResult {
  readonly messages: number;
  readonly serverCpuUs: number;
  readonly loadCpuUs: number;
  /** What the rest of the machine's programs used meanwhile. */
  readonly othersCpuUs: number;
  readonly elapsedUs: number;
  /** From sending to acknowledgement. */
  readonly p50Us: number | undefined;
  readonly p99Us: number | undefined;
}

/** After the warm-up the measured rate is kept for so long before anything counts. */
const settleMs = 1_000;
/** How long the last message may take to be acknowledged and everywhere. */
const graceMs = 5_000;

/** Run that load. @throws Error: a connection was lost, or a message was missing, or came twice or out of order. */
export async function measureLowRate(load: LowRateLoad): Promise<LowRateResult> {
  const log = new LatencyLog();
  const onMark = (reader: number, sequence: number, dueUs: number): void =>
    log.record(reader, sequence, nowUs() - dueUs);
  const wire = createWire(load.readerWire);
  const crowd = new Crowd({ wire, port: load.port, subscribers: load.readers, sampled: load.readers, onMark });
  const sender = new AcknowledgedSender(createRequestWire(load.senderWire));
  try {
    await sender.open(load.port);
    await crowd.openUpTo(load.readers);
    await prime(crowd, sender);
    const primed = sender.published;
    const send = async (ratePerSecond: number, durationMs: number): Promise<void> => {
      await keepSchedule({ ratePerSecond, durationMs }, (scheduledUs) => {
        for (const dueUs of scheduledUs) sender.publish(dueUs);
      });
      await allThere(sender, crowd, (sender.published - primed) * load.readers);
    };
    await send(load.warmUpRatePerSecond, load.warmUpMs);
    await send(load.ratePerSecond, settleMs);
    sender.takeLatenciesUs();
    const [first, before] = [sender.published, snapshot(load.serverPid)];
    await send(load.ratePerSecond, load.measureMs);
    const after = snapshot(load.serverPid);
    if (log.outOfOrder > 0) throw new Error(`${log.outOfOrder} messages came twice, or out of order, or not at all`);
    const latenciesUs = sender.takeLatenciesUs();
    const serverCpuUs = after.serverUs - before.serverUs;
    const loadCpuUs = after.loadUs - before.loadUs;
    return {
      messages: sender.published - first,
      serverCpuUs,
      loadCpuUs,
      othersCpuUs: after.machineBusyUs - before.machineBusyUs - serverCpuUs - loadCpuUs,
      elapsedUs: after.atUs - before.atUs,
      p50Us: percentile(latenciesUs, 0.5),
      p99Us: percentile(latenciesUs, 0.99),
    };
  } finally {
    sender.close();
    crowd.close();
  }
}

/** @throws Error: a connection was lost, or a message was not acknowledged or not delivered. */
async function allThere(sender: AcknowledgedSender, crowd: Crowd, deliveries: number): Promise<void> {
  const failure = (): string | undefined => sender.failure ?? crowd.failure;
  await becomesTrue(
    () => (sender.acknowledged === sender.published && crowd.totalReceived >= deliveries) || failure() !== undefined,
    graceMs,
  );
  const found = failure();
  if (found !== undefined) throw new Error(found);
  if (sender.acknowledged === sender.published && crowd.totalReceived === deliveries) return;
  throw new Error(
    `${sender.acknowledged} of ${sender.published} messages were acknowledged, ${crowd.totalReceived} of ${deliveries} deliveries came`,
  );
}

function snapshot(serverPid: number) {
  return {
    atUs: nowUs(),
    serverUs: cpuUsOf(serverPid),
    loadUs: cpuUsOf(process.pid),
    machineBusyUs: machineBusyUs(),
  };
}
