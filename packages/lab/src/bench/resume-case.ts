import type { BenchCase, CaseRow } from "./bench-case.js";
import type { Figures } from "./figures.js";
import type { LiveReadersLoad } from "./load/live-readers.js";
import type { ResumeLoad } from "./load/resume.js";
import { runLoad } from "./load/run-load.js";
import type { Sandbox } from "./sandbox.js";
import { percentile } from "./statistics.js";
import { startTarget } from "./targets/start-target.js";

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
/** How long the resuming is given, at least; the live readers are measured for as long. */
const resumeMs = 6_000;
const overheadMs = 20_000;

/** Many readers come back at once while others go on reading. */
export function resuming(size: ResumeSize): BenchCase {
  const row = (label: string, wire: ResumeLoad["wire"]): CaseRow => ({
    label,
    target: "confab",
    run: (sandbox) => runResume(sandbox, wire, size),
  });
  const whole = new Intl.NumberFormat("en");
  return {
    id: "resume",
    scenario: "resume",
    title: `Resuming: ${whole.format(size.readers)} readers at once from ${whole.format(size.messagesBack)} messages back, while ${size.ratePerSecond} messages/s go to ${size.liveReaders} others`,
    rows: [row("Confab Protobuf frames", "ws-proto"), row("Confab gRPC", "grpc-confab")],
  };
}

async function runResume(sandbox: Sandbox, wire: ResumeLoad["wire"], size: ResumeSize): Promise<Figures> {
  const target = await startTarget(sandbox, "confab");
  try {
    const { port } = target;
    const fromUnixMs = Date.now() + preparationMs;
    const startUnixMs = fromUnixMs + size.beforeMs;
    const toUnixMs = startUnixMs + resumeMs;
    const timeoutMs = toUnixMs - Date.now() + overheadMs;
    const { readers, liveReaders, messagesBack, ratePerSecond } = size;
    const backlog = messagesBack + ratePerSecond;
    const liveLoad: LiveReadersLoad = {
      wire,
      port,
      serverPid: target.pid,
      readers: liveReaders,
      ratePerSecond,
      backlog,
      fromUnixMs,
      toUnixMs,
    };
    const resumeLoad: ResumeLoad = { wire, port, readers, messagesBack, startUnixMs, timeoutMs: resumeMs };
    const [live, resume] = await Promise.all([
      runLoad(sandbox, "live-readers", liveLoad, timeoutMs),
      runLoad(sandbox, "resume", resumeLoad, timeoutMs),
    ]);
    const untilMs = size.beforeMs + resume.allLiveUs / 1000;
    return {
      allLiveUs: resume.allLiveUs,
      p99BeforeUs: p99Of(live.samples, 0, size.beforeMs),
      // The returning readers' load is none of the others.
      othersCoreShare: Math.max(live.othersCpuUs - resume.loadCpuUs, 0) / 1000 / (toUnixMs - fromUnixMs),
      p99DuringUs: p99Of(live.samples, size.beforeMs, untilMs),
    };
  } finally {
    await target.stop();
  }
}

function p99Of(samples: readonly (readonly [number, number])[], fromMs: number, toMs: number): number | undefined {
  const chosen = samples.filter(([dueMs]) => dueMs >= fromMs && dueMs < toMs).map(([, latencyUs]) => latencyUs);
  return percentile(Float64Array.from(chosen).sort(), 0.99);
}
