import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { outputOf } from "./child-output.js";
import { grpcEnvelope, sendMessagePath } from "./load/grpc-calls.js";
import type { UnaryLoad, UnaryResult } from "./load/unary.js";
import type { Sandbox } from "./sandbox.js";
import { percentile } from "./statistics.js";

/** How much longer than asked h2load may take to come to its end. */
const overheadMs = 15_000;

/** Run the calls with `h2load`. @throws Error: it failed, or printed another report than the one read here. */
export async function runH2load(sandbox: Sandbox, load: UnaryLoad): Promise<UnaryResult> {
  const folder = sandbox.makeFolder();
  try {
    const bodyFile = join(folder, "body");
    const logFile = join(folder, "log");
    writeFileSync(bodyFile, grpcEnvelope(Buffer.from(load.messageBase64, "base64")));
    const args = [
      "-D",
      `${load.durationMs}ms`,
      "-c",
      String(load.connections),
      "-m",
      String(load.streamsPerConnection),
    ];
    const request = ["-d", bodyFile, "-H", "content-type: application/grpc", "-H", "te: trailers"];
    if (load.token !== undefined) request.push("-H", `authorization: Bearer ${load.token}`);
    const url = `http://127.0.0.1:${load.port}${sendMessagePath}`;
    const child = sandbox.spawn("load", ["h2load", ...args, ...request, `--log-file=${logFile}`, url]);
    try {
      const report = await outputOf(child, load.durationMs + overheadMs);
      return { ...countsFromReport(report), ...latenciesFromLog(readFileSync(logFile, "latin1")) };
    } finally {
      await sandbox.kill(child);
    }
  } finally {
    sandbox.removeFolder(folder);
  }
}

/** Calls and time of h2load's report. A call that was in flight at the end counts as neither. */
export function countsFromReport(report: string): {
  readonly calls: number;
  readonly failedCalls: number;
  readonly elapsedUs: number;
} {
  const seconds = /^finished in (\d+(?:\.\d+)?)(ms|s),/m.exec(report);
  const requests = /(\d+) succeeded, (\d+) failed, (\d+) errored, (\d+) timeout/.exec(report);
  if (seconds === null || requests === null)
    throw new Error(`h2load's report is not understood: ${report.slice(-500)}`);
  const [, succeeded, ...failed] = requests.map(Number);
  return {
    calls: succeeded ?? 0,
    failedCalls: failed.reduce((sum, count) => sum + count, 0),
    elapsedUs: Math.round(Number(seconds[1]) * (seconds[2] === "s" ? 1_000_000 : 1_000)),
  };
}

/** h2load's log has a line for each call: start in µs, HTTP status, and how long the answer took in µs. */
export function latenciesFromLog(log: string): {
  readonly p50Us: number | undefined;
  readonly p99Us: number | undefined;
} {
  const lines = log.split("\n").filter((line) => line !== "");
  const sorted = Float64Array.from(lines, (line) => Number(line.slice(line.lastIndexOf("\t") + 1))).sort();
  return { p50Us: percentile(sorted, 0.5), p99Us: percentile(sorted, 0.99) };
}
