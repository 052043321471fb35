import type { BenchCase, CaseId, CaseRow, Durations } from "./bench-case.js";
import type { Figures } from "./figures.js";
import type { FanoutLoad, FanoutResult } from "./load/fanout.js";
import { runLoad } from "./load/run-load.js";
import type { WireName } from "./load/wires/wire.js";
import type { TargetName } from "./options.js";
import { totalUs } from "./process-stats.js";
import type { Sandbox } from "./sandbox.js";
import { type StartedTarget, startTarget } from "./targets/start-target.js";

/** What a fan-out run takes besides warm-up and measuring, at most: connecting, reaching everybody, draining. */
const overheadMs = 40_000;

/** A server keeps up when the last message is everywhere this long after it was due, in milliseconds. */
export const graceMs = 1_000;

export interface FanoutSize extends Durations {
  readonly subscribers: number;
  readonly ratePerSecond: number;
}

export const webSocketRows: readonly FanoutRow[] = [
  ["bare TCP", "floor", "floor-ws"],
  ["ws", "ws", "ws-peer"],
  ["Socket.IO", "socket-io", "socket-io"],
  ["Nchan", "nchan", "ws-peer"],
  ["Mosquitto", "mosquitto", "mqtt"],
  ["NATS", "nats", "nats"],
  ["Centrifugo", "centrifugo", "centrifugo"],
  ["Bun publish", "bun", "ws-peer"],
  ["Confab plain, before", "before", "ws-plain"],
  ["Confab plain", "confab", "ws-plain"],
  ["Confab JSON frames", "confab", "ws-json"],
  ["Confab Protobuf frames", "confab", "ws-proto"],
];

export const grpcRows: readonly FanoutRow[] = [
  ["bare TCP", "floor", "floor-grpc"],
  ["grpc-js", "grpc-js", "grpc-peer"],
  ["connect-node", "connect-node", "grpc-peer"],
  ["grpc-go", "grpc-go", "grpc-peer"],
  ["Confab, before", "before", "grpc-confab"],
  ["Confab", "confab", "grpc-confab"],
];

export type FanoutRow = readonly [label: string, target: TargetName, wire: WireName];

/** One publisher and many WebSockets. */
export function webSocketFanout(id: CaseId, size: FanoutSize): BenchCase {
  return {
    id,
    scenario: "fanout-ws",
    title: titleOf("Fan-out by WebSocket", size),
    rows: rowsFrom(webSocketRows, size),
  };
}

/** One publisher and many StreamMessages calls, each on a connection of its own. */
export function grpcFanout(id: CaseId, size: FanoutSize): BenchCase {
  return {
    id,
    scenario: "fanout-grpc",
    title: titleOf("Fan-out by gRPC server stream", size),
    rows: rowsFrom(grpcRows, size),
  };
}

function titleOf(what: string, { subscribers, ratePerSecond }: FanoutSize): string {
  const whole = new Intl.NumberFormat("en");
  return `${what}: ${whole.format(subscribers)} subscribers × ${whole.format(ratePerSecond)} messages/s`;
}

function rowsFrom(rows: readonly FanoutRow[], size: FanoutSize): readonly CaseRow[] {
  return rows.map(([label, target, wire]) => ({
    label,
    target,
    run: (sandbox) => runFanout(sandbox, target, wire, size),
  }));
}

function runFanout(sandbox: Sandbox, name: TargetName, wire: WireName, size: FanoutSize): Promise<Figures> {
  return runFanoutOf(sandbox, () => startTarget(sandbox, name), wire, size);
}

/** The fan-out of one server, which `start` starts. */
export async function runFanoutOf(
  sandbox: Sandbox,
  start: () => Promise<StartedTarget>,
  wire: WireName,
  size: FanoutSize,
): Promise<Figures> {
  const target = await start();
  try {
    const load: FanoutLoad = { wire, port: target.port, serverPid: target.pid, graceMs, ...size };
    return figuresFrom(await runLoad(sandbox, "fanout", load, size.warmUpMs + size.measureMs + overheadMs));
  } finally {
    await target.stop();
  }
}

/** @throws Error: messages came twice or out of order, so the server did another job than the others. */
export function figuresFrom(result: FanoutResult): Figures {
  const deliveredShare = result.delivered / result.expected;
  // A server that falls behind loses nothing yet; a hole in what did arrive is another thing.
  if (result.outOfOrder > 0)
    throw new Error(`${result.outOfOrder} messages came twice, or out of order, or with a hole before them`);
  const shared = {
    deliveredShare,
    bytesPerDelivery: result.bytesPerDelivery,
    messagesPerRead: result.messagesPerRead,
    serverCoreShare: totalUs(result.serverCpu) / result.elapsedUs,
    loadCoreShare: totalUs(result.loadCpu) / result.elapsedUs,
    othersCoreShare: Math.max(result.othersCpuUs, 0) / result.elapsedUs,
  };
  // Of a server that does not keep up, cost and latency say how long it was measured, not how good it is.
  if (deliveredShare < 1) return shared;
  return {
    ...shared,
    cpuUsPerDelivery: totalUs(result.serverCpu) / result.arrived,
    kernelUsPerDelivery: result.serverCpu.systemUs / result.arrived,
    p50Us: result.p50Us,
    p99Us: result.p99Us,
  };
}
