import { constants, setPriority } from "node:os";
import { cpuTimesOf, totalUs } from "../process-stats.js";
import { becomesTrue, nowUs, sleep } from "./clock.js";
import { LiveProbe } from "./live-probe.js";
import { ReturningCrowd } from "./returning-crowd.js";
import { createResumeWire } from "./wires/create-resume-wire.js";
import { createWire } from "./wires/create-wire.js";
import type { ResumeWireName } from "./wires/wire.js";

/** Readers that come back all at once, all from the same number of messages back. */
export interface ResumeLoad {
  readonly wire: ResumeWireName;
  readonly port: number;
  readonly serverPid: number;
  readonly readers: number;
  readonly messagesBack: number;
  /** When they ask, on connections that are open by then; milliseconds since 1970. */
  readonly startUnixMs: number;
  readonly timeoutMs: number;
  /** How long all of them stay when they are live: what that costs the others is the measure for what coming back cost them. */
  readonly stayMs: number;
}

export interface ResumeResult {
  /** Readers that had, in time, what a reader has that was live all the time. */
  readonly live: number;
  /** From the asking until the last of them had it; with fewer than all, until the time was over. */
  readonly elapsedUs: number;
  /** What they got together meanwhile. */
  readonly messages: number;
  readonly serverCpuUs: number;
  readonly loadCpuUs: number;
  /** The same until the end of their stay. */
  readonly wholeLoadCpuUs: number;
}

/** @throws Error: the connections were not open in time, one was lost, or a reader got something else than it missed. */
export async function measureResume(load: ResumeLoad): Promise<ResumeResult> {
  const wire = createResumeWire(load.wire);
  const probe = new LiveProbe(createWire(load.wire), wire);
  const crowd = new ReturningCrowd({ wire, port: load.port, readers: load.readers, probe });
  try {
    await probe.open(load.port);
    await wire.prepare?.(load.port, load.readers);
    await crowd.open();
    const lateMs = Date.now() - load.startUnixMs;
    if (lateMs > 0) throw new Error(`the connections were open ${lateMs} ms too late`);
    await sleep(-lateMs);
    // The live readers' load shares this one's core, and its latencies must not wait for what is read here.
    setPriority(constants.priority.PRIORITY_LOW);
    return await returnAll(load, crowd, probe);
  } finally {
    probe.close();
    crowd.close();
  }
}

async function returnAll(load: ResumeLoad, crowd: ReturningCrowd, probe: LiveProbe): Promise<ResumeResult> {
  const place = probe.placeBack(load.messagesBack);
  const startUs = nowUs();
  const [loadBefore, serverBefore] = [process.cpuUsage(), totalUs(cpuTimesOf(load.serverPid))];
  crowd.subscribeAll(place);
  const failure = () => crowd.failure ?? probe.failure;
  await becomesTrue(() => crowd.live === load.readers || failure() !== undefined, load.timeoutMs);
  const [why, live] = [failure(), crowd.live];
  if (why !== undefined)
    throw new Error(`${live} of ${load.readers} readers are live; ${why}; ${crowd.describeLate()}`);
  const lastUs = live === load.readers ? crowd.lastLiveAtUs : nowUs();
  const result = {
    live,
    elapsedUs: lastUs - startUs,
    messages: crowd.totalReceived,
    serverCpuUs: totalUs(cpuTimesOf(load.serverPid)) - serverBefore,
    loadCpuUs: usedSince(loadBefore),
  };
  // Where not all of them are live there is nothing to compare with what others get while all are.
  if (live < load.readers) return { ...result, wholeLoadCpuUs: usedSince(loadBefore) };
  await sleep(load.stayMs);
  if (failure() !== undefined) throw new Error(`after all were live: ${failure()}`);
  return { ...result, wholeLoadCpuUs: usedSince(loadBefore) };
}

function usedSince(before: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(before);
  return user + system;
}
