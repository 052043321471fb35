import { setMaxListeners } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { makeCrowd } from "./crowd.js";
import type { Evidence } from "./evidence.js";
import { drawFate } from "./fate.js";
import { type FaultProxy, startFaultProxy } from "./fault-proxy.js";
import { Journal } from "./journal.js";
import type { TortureOptions } from "./options.js";
import { pause } from "./pause.js";
import { postByLinks } from "./post.js";
import { type Proof, prove } from "./proof.js";
import { readRoomLog } from "./room-log.js";
import { type RoomPlan, roomPlans } from "./rooms.js";
import { type Blow, scheduleBlows } from "./schedule.js";
import { randomFor } from "./seeds.js";
import { Sender } from "./sender.js";
import { ServerSupervisor } from "./server-supervisor.js";
import { settle } from "./settle.js";

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
  const dataDir = await mkdtemp(join(tmpdir(), "confab-torture-"));
  const proxy = await startFaultProxy({ random: randomFor(run.seed, "proxy"), drawFate });
  const supervisor = new ServerSupervisor({
    dataDir,
    journal,
    moved: (port) => proxy.aim(port),
    isInterrupted: () => run.signal.aborted,
  });
  try {
    await supervisor.start();
    const evidence = await torture(run, { journal, proxy, supervisor });
    return {
      ...prove(evidence),
      isPartial: run.signal.aborted,
      met: { clients: journal.counts, proxy: proxy.counts },
    };
  } finally {
    await proxy.close();
    await supervisor.end("SIGKILL");
    await rm(dataDir, { recursive: true, force: true });
  }
}

interface Parts {
  readonly journal: Journal;
  readonly proxy: FaultProxy;
  readonly supervisor: ServerSupervisor;
}

async function torture(run: TortureRun, { journal, proxy, supervisor }: Parts): Promise<Evidence> {
  let isCalm = false;
  const { senders, readers } = makeCrowd({ ...run, url: proxy.url, journal, isCalm: () => isCalm });
  const [sending, reading] = [new AbortController(), new AbortController()];
  // One listener for each client, and by no mistake.
  setMaxListeners(0, sending.signal, reading.signal);
  const readings = readers.map((reader) => reader.run(reading.signal));
  const sendings = senders.map((sender) => sender.run(sending.signal));
  try {
    run.onStarted?.();
    await strikeAll(run, { journal, proxy, supervisor });
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
    return { rooms, sent, readers, violations: journal.violations };
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
async function strikeAll(run: TortureRun, { journal, ...parts }: Parts): Promise<void> {
  let acknowledged = 0;
  const startedAtMs = performance.now();
  const untilMs = (atMs: number) => pause(Math.max(0, startedAtMs + atMs - performance.now()), run.signal);
  for (const { atMs, blow } of scheduleBlows(run.seconds, randomFor(run.seed, "blows"))) {
    await untilMs(atMs);
    acknowledged = await untilAcknowledged(acknowledged + acksBetweenBlows, journal, run.signal);
    if (run.signal.aborted) return;
    run.progress(`${(atMs / 1_000).toFixed(1)} s  ${blow}`);
    await strike(blow, parts);
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

async function strike(blow: Blow, { proxy, supervisor }: Pick<Parts, "proxy" | "supervisor">): Promise<void> {
  switch (blow) {
    case "storm":
      proxy.storm();
      return;
    case "kill":
      await supervisor.restart("SIGKILL");
      return;
    case "restart":
      await supervisor.restart("SIGTERM");
      return;
    default:
      return blow satisfies never;
  }
}

/** Who says the last word in a room, so that readers who are live have something to hear. */
function closingSender(plan: RoomPlan, run: TortureRun, { journal, url }: { journal: Journal; url: string }): Sender {
  const name = `closing-${plan.room}`;
  const [home] = run.transports;
  const shared = { random: randomFor(run.seed, name), diary: journal.diary(name) };
  const post = postByLinks({ ...shared, url, home, transports: run.transports });
  return new Sender({ ...shared, name, plan, post, maxMessages: 1 });
}
