import type { BenchCase, CaseRow } from "./bench-case.js";
import type { Figures } from "./figures.js";
import type { FoldedLoad } from "./load/folded.js";
import { runLoad } from "./load/run-load.js";
import type { Sandbox } from "./sandbox.js";
import { startTarget } from "./targets/start-target.js";

/** Filling the room and asking for pages. */
const timeoutMs = 200_000;

export type FoldedSize = Pick<FoldedLoad, "messages" | "edits" | "measureMs">;

/** Pages of messages as they are now, which the server makes out of the log each time. */
export function foldedPages(size: FoldedSize): BenchCase {
  const row = (label: string, page: FoldedLoad["page"]): CaseRow => ({
    label,
    target: "confab",
    run: (sandbox) => runFolded(sandbox, { ...size, page }),
  });
  const whole = new Intl.NumberFormat("en");
  return {
    id: "folded",
    scenario: "folded",
    title: `A folded page of 50 by REST: a room of ${whole.format(size.messages)} messages with ${whole.format(size.edits)} edits`,
    rows: [row("Confab, newest page", "newest"), row("Confab, oldest page", "oldest")],
  };
}

async function runFolded(sandbox: Sandbox, what: Omit<FoldedLoad, "port" | "serverPid">): Promise<Figures> {
  // How durable the messages are is of no interest to those who read them, and filling the room is quicker so.
  const target = await startTarget(sandbox, "confab", "os");
  try {
    const load: FoldedLoad = { port: target.port, serverPid: target.pid, ...what };
    const result = await runLoad(sandbox, "folded", load, timeoutMs);
    return {
      p50Us: result.p50Us,
      p99Us: result.p99Us,
      cpuUsPerRequest: result.serverCpuUs / result.pages,
      serverCoreShare: result.serverCpuUs / result.elapsedUs,
      loadCoreShare: result.loadCpuUs / result.elapsedUs,
      othersCoreShare: Math.max(result.othersCpuUs, 0) / result.elapsedUs,
    };
  } finally {
    await target.stop();
  }
}
