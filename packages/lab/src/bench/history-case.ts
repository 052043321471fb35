import type { BenchCase, CaseRow } from "./bench-case.js";
import type { Figures } from "./figures.js";
import type { HistoryLoad } from "./load/history.js";
import { runLoad } from "./load/run-load.js";
import type { Sandbox } from "./sandbox.js";
import { startRedisTarget } from "./targets/redis.js";
import { type KeepingTargetName, type StartedTarget, startKeepingTarget } from "./targets/start-target.js";

/** Filling the room and reading it several times. */
const timeoutMs = 200_000;

/**
 * Nchan looks for each message's successor from its newest message backwards, so that a log of twice as many takes four
 * times as long: of more than these it is not a reader's speed that would be measured.
 */
const nchanMessages = 20_000;

/** One reader of a whole log. */
export function historyReading(messages: number): BenchCase {
  const row = (label: string, target: KeepingTargetName, by: HistoryLoad["by"], count = messages): CaseRow => ({
    label,
    target,
    run: (sandbox) =>
      // How durable the messages are is of no interest to those who read them, and filling the room is quicker so.
      runHistory(sandbox, { messages: count, by }, () => startKeepingTarget(sandbox, target, count, "os")),
  });
  const redisRow: CaseRow = {
    label: "bare Redis XRANGE, pages",
    target: "floor",
    needsRedis: true,
    run: (sandbox) => runHistory(sandbox, { messages, by: "xrange" }, () => startRedisTarget(sandbox, "server")),
  };
  const whole = new Intl.NumberFormat("en");
  return {
    id: "history",
    scenario: "history",
    title: `Reading history: ${whole.format(messages)} messages to one reader`,
    rows: [
      row("bare TCP", "floor", "floor-grpc"),
      redisRow,
      row(
        `Nchan, ${whole.format(Math.min(nchanMessages, messages))} messages only`,
        "nchan",
        "nchan",
        Math.min(nchanMessages, messages),
      ),
      row("NATS JetStream, ordered consumer", "nats", "nats-stream"),
      row("Confab before, StreamMessages", "before", "grpc-confab"),
      row("Confab before, GetHistory pages", "before", "pages"),
      row("Confab, StreamMessages", "confab", "grpc-confab"),
      row("Confab, GetHistory pages", "confab", "pages"),
    ],
  };
}

async function runHistory(
  sandbox: Sandbox,
  what: Pick<HistoryLoad, "messages" | "by">,
  start: () => Promise<StartedTarget>,
): Promise<Figures> {
  const target = await start();
  try {
    const load: HistoryLoad = { port: target.port, serverPid: target.pid, ...what };
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
