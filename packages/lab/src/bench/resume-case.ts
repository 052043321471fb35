import type { BenchCase, CaseRow } from "./bench-case.js";
import type { Figures } from "./figures.js";
import type { LiveReadersLoad, LiveReadersResult } from "./load/live-readers.js";
import type { ResumeLoad, ResumeResult } from "./load/resume.js";
import { runLoad } from "./load/run-load.js";
import type { ResumeWireName } from "./load/wires/wire.js";
import type { Sandbox } from "./sandbox.js";
import { percentile } from "./statistics.js";
import { type KeepingTargetName, startKeepingTarget } from "./targets/start-target.js";

export interface ResumeSize {
  readonly readers: number;
  readonly liveReaders: number;
  readonly messagesBack: number;
  readonly ratePerSecond: number;
  /** How long the live readers are measured before the others come back. */
  readonly beforeMs: number;
}

/** From the start of the loads until the live readers read, and the others' connections are open. */
const preparationMs = 9_000;
/** Socket.IO also has to make the sessions that its readers come back to, while it passes on what the others are sent. */
const longPreparationMs = 30_000;
/** How long the resuming is given; the live readers are measured until it is over. */
const resumeMs = 6_000;
/** For servers that make a frame of each message for each reader, or a goroutine of each reader. */
const longResumeMs = 30_000;
/** It encodes each message for each reader again. */
const longestResumeMs = 60_000;
/** How long they stay when all are live, and how much of it is left out first: what the server still has to write. */
const stayMs = 3_500;
const settleMs = 500;
const overheadMs = 20_000;

interface ResumeRow {
  readonly label: string;
  readonly target: KeepingTargetName;
  readonly wire: ResumeWireName;
  readonly resumeMs: number;
  readonly preparationMs?: number;
}

const rows: readonly ResumeRow[] = [
  { label: "bare TCP", target: "floor", wire: "floor-grpc", resumeMs },
  {
    label: "Socket.IO, state recovery",
    target: "socket-io",
    wire: "socket-io",
    resumeMs: longestResumeMs,
    preparationMs: longPreparationMs,
  },
  { label: "Nchan", target: "nchan", wire: "nchan", resumeMs: longResumeMs },
  { label: "NATS JetStream, ordered consumers", target: "nats", wire: "nats-stream", resumeMs: longResumeMs },
  { label: "Confab Protobuf frames", target: "confab", wire: "ws-proto", resumeMs },
  { label: "Confab gRPC", target: "confab", wire: "grpc-confab", resumeMs },
];

/** Many readers come back at once while others go on reading. */
export function resuming(size: ResumeSize): BenchCase {
  const whole = new Intl.NumberFormat("en");
  return {
    id: "resume",
    scenario: "resume",
    title: `Resuming: ${whole.format(size.readers)} readers at once from ${whole.format(size.messagesBack)} messages back, while ${size.ratePerSecond} messages/s go to ${size.liveReaders} others`,
    rows: rows.map(
      (row): CaseRow => ({ label: row.label, target: row.target, run: (sandbox) => runResume(sandbox, row, size) }),
    ),
  };
}

async function runResume(sandbox: Sandbox, row: ResumeRow, size: ResumeSize): Promise<Figures> {
  const { wire, preparationMs: readyMs = preparationMs } = row;
  const { readers, liveReaders, messagesBack, ratePerSecond } = size;
  const runMs = readyMs + size.beforeMs + row.resumeMs;
  const keptMessages = messagesBack + Math.ceil((ratePerSecond * (runMs + overheadMs)) / 1000);
  const target = await startKeepingTarget(sandbox, row.target, keptMessages);
  try {
    const { port, pid: serverPid } = target;
    const fromUnixMs = Date.now() + readyMs;
    const startUnixMs = fromUnixMs + size.beforeMs;
    const toUnixMs = startUnixMs + row.resumeMs + stayMs;
    const timeoutMs = toUnixMs - Date.now() + overheadMs;
    const backlog = messagesBack + ratePerSecond;
    const liveLoad: LiveReadersLoad = {
      wire,
      port,
      serverPid,
      readers: liveReaders,
      ratePerSecond,
      backlog,
      fromUnixMs,
      toUnixMs,
    };
    const resumeLoad: ResumeLoad = {
      wire,
      port,
      serverPid,
      readers,
      messagesBack,
      startUnixMs,
      timeoutMs: row.resumeMs,
      stayMs,
    };
    const resuming = runLoad(sandbox, "resume", resumeLoad, timeoutMs);
    const [live, resume] = await Promise.all([
      runLoad(sandbox, "live-readers", liveLoad, timeoutMs, { enough: resuming }),
      resuming,
    ]);
    return figuresFrom(live, resume, size);
  } finally {
    await target.stop();
  }
}

/**
 * A server that has not all of them live in its time, or still owes the others messages long after, is one that falls behind:
 * what latencies it then has say how long it was watched.
 */
function figuresFrom(live: LiveReadersResult, resume: ResumeResult, { readers, beforeMs }: ResumeSize): Figures {
  const { elapsedUs } = resume;
  const isAllLive = resume.live === readers;
  const keepsUp = isAllLive && live.deliveredShare === 1;
  const untilMs = beforeMs + elapsedUs / 1000;
  return {
    deliveredShare: isAllLive ? live.deliveredShare : resume.live / readers,
    ...(isAllLive && { allLiveUs: elapsedUs, cpuUsPerMessage: resume.serverCpuUs / resume.messages }),
    p99BeforeUs: p99Of(live.samples, 0, beforeMs),
    ...(keepsUp && {
      p99DuringUs: p99Of(live.samples, beforeMs, untilMs),
      p99AfterUs: p99Of(live.samples, untilMs + settleMs, untilMs + stayMs),
    }),
    serverCoreShare: resume.serverCpuUs / elapsedUs,
    loadCoreShare: resume.loadCpuUs / elapsedUs,
    // The returning readers' load is none of the others.
    othersCoreShare: Math.max(live.othersCpuUs - resume.wholeLoadCpuUs, 0) / live.elapsedUs,
  };
}

function p99Of(samples: readonly (readonly [number, number])[], fromMs: number, toMs: number): number | undefined {
  const chosen = samples.filter(([dueMs]) => dueMs >= fromMs && dueMs < toMs).map(([, latencyUs]) => latencyUs);
  return percentile(Float64Array.from(chosen).sort(), 0.99);
}
