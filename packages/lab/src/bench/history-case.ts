import type { BenchCase, CaseRow } from "./bench-case.js";
import type { Figures } from "./figures.js";
import type { HistoryLoad } from "./load/history.js";
import { runLoad } from "./load/run-load.js";
import type { Sandbox } from "./sandbox.js";
import { startTarget } from "./targets/start-target.js";

/** Filling the room and reading it several times. */
const timeoutMs = 200_000;

/** One reader of a whole log over gRPC. */
export function historyReading(messages: number): BenchCase {
  const row = (label: string, by: HistoryLoad["by"]): CaseRow => ({
    label,
    target: "confab",
    run: (sandbox) => runHistory(sandbox, messages, by),
  });
  return {
    id: "history",
    scenario: "history",
    title: `Reading history over gRPC: ${new Intl.NumberFormat("en").format(messages)} messages to one reader`,
    rows: [row("Confab, StreamMessages", "stream"), row("Confab, GetHistory pages", "pages")],
  };
}

async function runHistory(sandbox: Sandbox, messages: number, by: HistoryLoad["by"]): Promise<Figures> {
  // How durable the messages are is of no interest to those who read them, and filling the room is quicker so.
  const target = await startTarget(sandbox, "confab", "os");
  try {
    const load: HistoryLoad = { port: target.port, serverPid: target.pid, messages, by };
    const result = await runLoad(sandbox, "history", load, timeoutMs);
    return {
      messagesPerSecond: result.messages / (result.elapsedUs / 1_000_000),
      cpuUsPerMessage: result.serverCpuUs / result.messages,
      serverCoreShare: result.serverCpuUs / result.elapsedUs,
      loadCoreShare: result.loadCpuUs / result.elapsedUs,
      othersCoreShare: Math.max(result.othersCpuUs, 0) / result.elapsedUs,
    };
  } finally {
    await target.stop();
  }
}
