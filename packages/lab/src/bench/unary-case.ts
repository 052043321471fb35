import type { BenchCase, CaseRow, Durations } from "./bench-case.js";
import type { Figures } from "./figures.js";
import { runH2load } from "./h2load.js";
import { chatText, sentProtobuf } from "./load/chat-text.js";
import { runLoad } from "./load/run-load.js";
import type { UnaryLoad, UnaryResult } from "./load/unary.js";
import { connectSender } from "./message-sender.js";
import type { TargetName } from "./options.js";
import { cpuTimesOf, endedChildrenCpuTimesOf, machineBusyUs, totalUs } from "./process-stats.js";
import type { Sandbox } from "./sandbox.js";
import type { Durability } from "./targets/confab.js";
import { type StartedTarget, startTarget } from "./targets/start-target.js";

const connections = 10;
const streamsPerConnection = 10;
const overheadMs = 15_000;

export interface UnaryOptions extends Durations {
  readonly hasH2load: boolean;
}

/** SendMessage with a hundred calls in flight, made by h2load or, where that is missing, by a client of our own. */
export function unarySend(options: UnaryOptions): BenchCase {
  const row = (label: string, target: TargetName, durability?: Durability): CaseRow => ({
    label,
    target,
    run: (sandbox) => runUnary(sandbox, options, target, durability),
  });
  const client = options.hasH2load ? "h2load" : "own client; h2load is not installed";
  return {
    id: "unary",
    scenario: "unary",
    title: `Unary SendMessage over gRPC: ${connections} connections × ${streamsPerConnection} streams (${client})`,
    rows: [
      row("grpc-js, stores nothing", "grpc-js"),
      row("connect-node, stores nothing", "connect-node"),
      row("Confab, durability fsync", "confab", "fsync"),
      row("Confab, durability os", "confab", "os"),
    ],
  };
}

async function runUnary(
  sandbox: Sandbox,
  options: UnaryOptions,
  name: TargetName,
  durability?: Durability,
): Promise<Figures> {
  const target = await startTarget(sandbox, name, durability);
  try {
    await runCalls(sandbox, options, target, options.warmUpMs);
    // A client nobody here wrote asks before and after: load clients look at HTTP's status only, which is 200 for errors.
    const sender = connectSender(target.port);
    try {
      const offsetBefore = await sender.send();
      const before = snapshot(target.pid);
      const result = await runCalls(sandbox, options, target, options.measureMs);
      const after = snapshot(target.pid);
      const stored = (await sender.send()) - offsetBefore - 1;
      if (result.failedCalls > 0)
        throw new Error(`${result.failedCalls} of ${result.calls + result.failedCalls} calls failed`);
      if (name === "confab" && stored < result.calls)
        throw new Error(`${result.calls} calls were acknowledged but ${stored} are in the log`);
      return figuresFrom(result, before, after);
    } finally {
      sender.close();
    }
  } finally {
    await target.stop();
  }
}

async function runCalls(
  sandbox: Sandbox,
  options: UnaryOptions,
  target: StartedTarget,
  durationMs: number,
): Promise<UnaryResult> {
  const messageBase64 = Buffer.from(sentProtobuf(chatText(0, 0))).toString("base64");
  const load: UnaryLoad = { port: target.port, connections, streamsPerConnection, durationMs, messageBase64 };
  return options.hasH2load
    ? await runH2load(sandbox, load)
    : await runLoad(sandbox, "unary", load, durationMs + overheadMs);
}

type Snapshot = ReturnType<typeof snapshot>;

function snapshot(serverPid: number) {
  return {
    atUs: performance.now() * 1000,
    serverUs: totalUs(cpuTimesOf(serverPid)),
    // The load client's whole life lies between two snapshots, and it is the only child that ends there.
    loadUs: totalUs(endedChildrenCpuTimesOf(process.pid)),
    machineBusyUs: machineBusyUs(),
  };
}

function figuresFrom(result: UnaryResult, before: Snapshot, after: Snapshot): Figures {
  const elapsedUs = after.atUs - before.atUs;
  const serverUs = after.serverUs - before.serverUs;
  const loadUs = after.loadUs - before.loadUs;
  const othersUs = after.machineBusyUs - before.machineBusyUs - serverUs - loadUs;
  return {
    requestsPerSecond: result.calls / (result.elapsedUs / 1_000_000),
    cpuUsPerRequest: result.calls === 0 ? undefined : serverUs / result.calls,
    p50Us: result.p50Us,
    p99Us: result.p99Us,
    serverCoreShare: serverUs / elapsedUs,
    loadCoreShare: loadUs / elapsedUs,
    othersCoreShare: Math.max(othersUs, 0) / elapsedUs,
  };
}
