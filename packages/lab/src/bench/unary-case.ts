import type { BenchCase, CaseId, CaseRow, Durations } from "./bench-case.js";
import { newBenchToken } from "./bench-token.js";
import type { Figures } from "./figures.js";
import { runH2load } from "./h2load.js";
import { chatText, sentProtobuf } from "./load/chat-text.js";
import type { RequestsLoad } from "./load/requests.js";
import { runLoad } from "./load/run-load.js";
import type { UnaryLoad, UnaryResult } from "./load/unary.js";
import { messagesInNatsStream } from "./load/wires/nats-stream.js";
import type { RequestWireName } from "./load/wires/request-wire.js";
import { sendOne } from "./message-sender.js";
import type { TargetName } from "./options.js";
import { cpuTimesOf, endedChildrenCpuTimesOf, machineBusyUs, totalUs } from "./process-stats.js";
import type { Sandbox } from "./sandbox.js";
import type { Durability } from "./targets/confab.js";
import { type StartedTarget, startKeepingTarget, startTarget } from "./targets/start-target.js";

const connections = 10;
const overheadMs = 15_000;

export interface UnaryOptions extends Durations {
  readonly inFlightPerConnection: number;
  readonly hasH2load: boolean;
}

/** How one server is asked to take messages. */
export interface Job {
  readonly label: string;
  readonly target: TargetName;
  start(sandbox: Sandbox): Promise<StartedTarget>;
  run(sandbox: Sandbox, target: StartedTarget, durationMs: number): Promise<UnaryResult>;
  /**
   * Asked before; the answer is asked after, and tells how many messages were stored between; undefined: it stores none.
   * Absent: its own answers are all there is to ask.
   */
  readonly storedBetween?: (target: StartedTarget) => Promise<() => Promise<number | undefined>>;
}

/** What more requests in flight say nothing new about. */
const shownAtHundred: ReadonlySet<string> = new Set([
  "Socket.IO, stores nothing",
  "connect-node, stores nothing",
  "Confab with a token and limits, durability os",
]);

/**
 * A message that is sent and acknowledged, many of them in flight: by gRPC's SendMessage, made by h2load or, where
 * that is missing, by a client of our own; and by what comes closest to it on other wires, by clients of our own.
 */
export function unarySend(id: Extract<CaseId, `unary${string}`>, options: UnaryOptions): BenchCase {
  const jobs = jobsOf(options).filter(({ label }) => id === "unary" || !shownAtHundred.has(label));
  const client = options.hasH2load ? "h2load" : "own client; h2load is not installed";
  return {
    id,
    scenario: "unary",
    title: `A message sent and acknowledged: ${connections} connections × ${options.inFlightPerConnection} in flight (gRPC: ${client}; others: own clients)`,
    rows: jobs.map(
      (job): CaseRow => ({ label: job.label, target: job.target, run: (sandbox) => runUnary(sandbox, options, job) }),
    ),
  };
}

function jobsOf(options: UnaryOptions): readonly Job[] {
  const byGrpc: Job["run"] = (sandbox, target, durationMs) => runCalls(sandbox, options, target, durationMs);
  const byWire =
    (wire: RequestWireName): Job["run"] =>
    async (sandbox, { port }, durationMs) => {
      const { inFlightPerConnection } = options;
      const load: RequestsLoad = { wire, port, connections, inFlightPerConnection, durationMs };
      return await runLoad(sandbox, "requests", load, durationMs + overheadMs);
    };
  const peer = (label: string, target: TargetName, run: Job["run"]): Job => ({
    label,
    target,
    start: (sandbox) => startTarget(sandbox, target),
    run,
  });
  const confab = (label: string, durability: Durability, run: Job["run"]): Job => ({
    label: `${label}, durability ${durability}`,
    target: "confab",
    start: (sandbox) => startTarget(sandbox, "confab", durability),
    run,
    storedBetween: storedInConfab,
  });
  return [
    peer("bare TCP, stores nothing", "floor", byWire("floor")),
    peer("Socket.IO, stores nothing", "socket-io", byWire("socket-io")),
    {
      ...peer("NATS JetStream, flushed later", "nats", byWire("nats-stream")),
      start: (sandbox) => startKeepingTarget(sandbox, "nats", 0),
      storedBetween: storedInNats,
    },
    { ...peer("grpc-js, stores nothing", "grpc-js", byGrpc), storedBetween: answersGrpc },
    { ...peer("connect-node, stores nothing", "connect-node", byGrpc), storedBetween: answersGrpc },
    { ...peer("grpc-go, stores nothing", "grpc-go", byGrpc), storedBetween: answersGrpc },
    { ...peer("Confab before, durability fsync", "before", byGrpc), storedBetween: storedInConfab },
    confab("Confab", "fsync", byGrpc),
    {
      // Without the disk's own time, which would hide what the token costs.
      ...confab("Confab with a token and limits", "os", byGrpc),
      start: startWithToken,
    },
    confab("Confab", "os", byGrpc),
    {
      ...peer("Confab before WebSocket frames, durability fsync", "before", byWire("ws-proto")),
      storedBetween: storedInConfab,
    },
    confab("Confab WebSocket frames", "fsync", byWire("ws-proto")),
    confab("Confab WebSocket frames", "os", byWire("ws-proto")),
  ];
}

// A client nobody here wrote asks before and after: load clients look at HTTP's status only, which is 200 for errors.

export async function storedInConfab({ port, token }: StartedTarget) {
  const first = await sendOne(port, token);
  return async () => (await sendOne(port, token)) - first - 1;
}

/** A server that verifies a token for each call, and counts what its user does. */
async function startWithToken(sandbox: Sandbox): Promise<StartedTarget> {
  const folder = sandbox.makeFolder();
  const { serveArgs, token } = newBenchToken(folder);
  const target = await startTarget(sandbox, "confab", "os", serveArgs);
  const stop = async () => {
    await target.stop();
    sandbox.removeFolder(folder);
  };
  return { ...target, token, stop };
}

async function answersGrpc({ port }: StartedTarget) {
  await sendOne(port);
  return async () => {
    await sendOne(port);
    return undefined;
  };
}

async function storedInNats({ port }: StartedTarget) {
  const first = await messagesInNatsStream(port);
  return async () => (await messagesInNatsStream(port)) - first;
}

export async function runUnary(sandbox: Sandbox, options: UnaryOptions, job: Job): Promise<Figures> {
  const target = await job.start(sandbox);
  try {
    await job.run(sandbox, target, options.warmUpMs);
    const countStored = await job.storedBetween?.(target);
    const before = snapshot(target.pid);
    const result = await job.run(sandbox, target, options.measureMs);
    const after = snapshot(target.pid);
    const stored = await countStored?.();
    if (result.failedCalls > 0)
      throw new Error(`${result.failedCalls} of ${result.calls + result.failedCalls} calls failed`);
    if (stored !== undefined && stored < result.calls)
      throw new Error(`${result.calls} calls were acknowledged but ${stored} are in the log`);
    return figuresFrom(result, before, after);
  } finally {
    await target.stop();
  }
}

export async function runCalls(
  sandbox: Sandbox,
  options: UnaryOptions,
  { port, token }: StartedTarget,
  durationMs: number,
): Promise<UnaryResult> {
  const messageBase64 = Buffer.from(sentProtobuf(chatText(0, 0))).toString("base64");
  const load: UnaryLoad = {
    port,
    connections,
    streamsPerConnection: options.inFlightPerConnection,
    durationMs,
    messageBase64,
    token,
  };
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
