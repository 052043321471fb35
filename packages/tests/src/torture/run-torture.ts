import { setMaxListeners } from "node:events";
import { makeCrowd } from "./crowd.js";
import { EmbeddedSystem } from "./embedded-system.js";
import type { Evidence } from "./evidence.js";
import { drawFate } from "./fate.js";
import { type FaultProxy, startFaultProxy } from "./fault-proxy.js";
import { Journal } from "./journal.js";
import type { TortureOptions } from "./options.js";
import { pause } from "./pause.js";
import { postByLinks } from "./post.js";
import { type Proof, prove } from "./proof.js";
import { RedisSystem } from "./redis-system.js";
import { readRoomLog } from "./room-log.js";
import { type RoomPlan, roomPlans } from "./rooms.js";
import { scheduleBlows } from "./schedule.js";
import { randomFor } from "./seeds.js";
import { Sender } from "./sender.js";
import { settle } from "./settle.js";
import type { SystemOptions, TorturedSystem } from "./system.js";

export interface TortureRun extends TortureOptions {
  readonly seed: number;
  /** Ends the faults early. */
  readonly signal: AbortSignal;
  /** For people, while it lasts. */
  progress(line: string): void;
  /** The faults have begun. */
  onStarted?(): void;
}

export interface TortureResult extends Proof {
  /** It was ended early. */
  readonly isPartial: boolean;
  /** What the clients met and what the proxy did, counted. */
  readonly met: {
    readonly clients: Readonly<Record<string, number>>;
    readonly proxy: Readonly<Record<string, number>>;
  };
}

/** Torture a server and prove that it kept its promises. Leaves nothing behind. @throws Error: it could not run. */
export async function runTorture(run: TortureRun): Promise<TortureResult> {
  const journal = new Journal();
  const proxy = await startFaultProxy({ random: randomFor(run.seed, "proxy"), drawFate });
  const system = systemFor(run, {
    journal,
    random: randomFor(run.seed, "system"),
    moved: (ports) => proxy.aim(ports),
    isInterrupted: () => run.signal.aborted,
  });
  try {
    await system.start();
    const evidence = await torture(run, { journal, proxy, system });
    return {
      ...prove(evidence),
      isPartial: run.signal.aborted,
      met: { clients: journal.counts, proxy: proxy.counts },
    };
  } finally {
    await proxy.close();
    await system.end();
  }
}

function systemFor({ nodes, wipesRedis }: TortureRun, options: SystemOptions): TorturedSystem {
  return nodes === 1 ? new EmbeddedSystem(options) : new RedisSystem({ ...options, nodes, wipesRedis });
}

interface Parts {
  readonly journal: Journal;
  readonly proxy: FaultProxy;
  readonly system: TorturedSystem;
}

async function torture(run: TortureRun, { journal, proxy, system }: Parts): Promise<Evidence> {
  let isCalm = false;
  const { senders, readers } = makeCrowd({ ...run, url: proxy.url, journal, isCalm: () => isCalm });
  const [sending, reading] = [new AbortController(), new AbortController()];
  // One listener for each client, and by no mistake.
  setMaxListeners(0, sending.signal, reading.signal);
  const readings = readers.map((reader) => reader.run(reading.signal));
  const sendings = senders.map((sender) => sender.run(sending.signal));
  try {
    run.onStarted?.();
    await strikeAll(run, { journal, proxy, system });
    // What is on its way now stays unacknowledged, and may be stored or not.
    sending.abort();
    await Promise.all(sendings);
    run.progress("faults end; waiting for every reader to hear the last message");
    isCalm = true;
    proxy.calm();
    const closers = roomPlans.map((plan) => closingSender(plan, run, { journal, url: proxy.url }));
    const newestOffsets = await settle(closers, readers, journal);
    reading.abort();
    await Promise.all(readings);
    const rooms = [];
    for (const { room } of roomPlans) {
      rooms.push({ room, entries: await readRoomLog(proxy.url, room), newestOffset: newestOffsets.get(room) ?? 0 });
    }
    const sent = [...senders, ...closers].flatMap((sender) => sender.sent);
    return { rooms, losesLogs: run.wipesRedis, sent, readers, violations: journal.violations };
  } finally {
    sending.abort();
    reading.abort();
  }
}

/** How long the crowd may take to get those, in milliseconds. */
const recoveryTimeoutMs = 10_000;

/** Acknowledgements that have to come after a blow before the next one: a machine that is too busy gets more time. */
const acksBetweenBlows = 10;

/** The blows of the schedule, until the run's time is over or its signal aborts. */
async function strikeAll(run: TortureRun, { journal, proxy, system }: Parts): Promise<void> {
  let acknowledged = 0;
  const startedAtMs = performance.now();
  const untilMs = (atMs: number) => pause(Math.max(0, startedAtMs + atMs - performance.now()), run.signal);
  for (const { atMs, blow } of scheduleBlows(run.seconds, ["storm", ...system.blows], randomFor(run.seed, "blows"))) {
    await untilMs(atMs);
    acknowledged = await untilAcknowledged(acknowledged + acksBetweenBlows, journal, run.signal);
    if (run.signal.aborted) return;
    run.progress(`${(atMs / 1_000).toFixed(1)} s  ${blow}`);
    if (blow === "storm") proxy.storm();
    else await system.strike(blow);
  }
  await untilMs(run.seconds * 1_000);
  await untilAcknowledged(acknowledged + acksBetweenBlows, journal, run.signal);
}

/** Wait for so many acknowledgements, but not for ever. The result is how many there are. */
async function untilAcknowledged(due: number, { counts }: Journal, signal: AbortSignal): Promise<number> {
  const givenUp = AbortSignal.any([signal, AbortSignal.timeout(recoveryTimeoutMs)]);
  while (!givenUp.aborted && (counts["acknowledged"] ?? 0) < due) await pause(50, givenUp);
  return counts["acknowledged"] ?? 0;
}

/** Who says the last word in a room, so that readers who are live have something to hear. */
function closingSender(plan: RoomPlan, run: TortureRun, { journal, url }: { journal: Journal; url: string }): Sender {
  const name = `closing-${plan.room}`;
  const [home] = run.transports;
  const shared = { random: randomFor(run.seed, name), diary: journal.diary(name) };
  const post = postByLinks({ ...shared, url, home, transports: run.transports });
  return new Sender({ ...shared, name, plan, post, maxMessages: 1 });
}
