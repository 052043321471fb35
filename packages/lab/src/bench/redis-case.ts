import type { BenchCase, CaseRow, Durations } from "./bench-case.js";
import { figuresFrom } from "./fanout-case.js";
import type { Figures } from "./figures.js";
import type { AppendsResult } from "./load/appends.js";
import type { FanoutLoad } from "./load/fanout.js";
import { runLoad } from "./load/run-load.js";
import type { WireName } from "./load/wires/wire.js";
import type { TargetName } from "./options.js";
import { cpuTimesOf, totalUs } from "./process-stats.js";
import type { Role, Sandbox } from "./sandbox.js";
import { confabNodeCommand } from "./targets/confab.js";
import { redisDatasetBytes, type StartedRedis, startRedisTarget } from "./targets/redis.js";
import type { SocketIoNodes } from "./targets/socket-io.js";
import { programOf, type StartedTarget, startCommand } from "./targets/start-target.js";

const overheadMs = 40_000;
const graceMs = 1_000;

export interface CrossNodeSize extends Durations {
  readonly subscribers: number;
  readonly ratePerSecond: number;
}

/** What is sent on one node is delivered on another: by bare Redis Pub/Sub, by Socket.IO's two adapters, by Confab. */
export function crossNode(size: CrossNodeSize): BenchCase {
  const socketIo = (redisUrl: string, adapter: SocketIoNodes["adapter"]) => [
    ...programOf("socket-io"),
    JSON.stringify({ redisUrl, adapter } satisfies SocketIoNodes),
  ];
  const rows: readonly [label: string, TargetName, WireName, (redisUrl: string) => readonly string[]][] = [
    ["bare Redis Pub/Sub", "floor", "floor-ws", (url) => [...programOf("redis-pubsub"), url]],
    ["Socket.IO, Pub/Sub adapter", "socket-io", "socket-io", (url) => socketIo(url, "pubsub")],
    ["Socket.IO, Streams adapter", "socket-io", "socket-io", (url) => socketIo(url, "streams")],
    ["Confab", "confab", "ws-proto", confabNodeCommand],
  ];
  return {
    id: "redis-nodes",
    scenario: "redis-nodes",
    title: `Two nodes on one Redis: sent on one, ${size.subscribers} subscribers on the other × ${size.ratePerSecond} messages/s`,
    rows: rows.map(([label, target, wire, command]) => ({
      label,
      target,
      needsRedis: true,
      run: (sandbox) => runCrossNode(sandbox, wire, command, size),
    })),
  };
}

async function runCrossNode(
  sandbox: Sandbox,
  wire: WireName,
  command: (redisUrl: string) => readonly string[],
  size: CrossNodeSize,
): Promise<Figures> {
  return await withRedis(sandbox, "server", async ({ url }, started) => {
    const sending = started(await startCommand(sandbox, command(url)));
    const delivering = started(await startCommand(sandbox, command(url)));
    const load: FanoutLoad = {
      wire,
      port: delivering.port,
      publisherPort: sending.port,
      serverPid: delivering.pid,
      graceMs,
      ...size,
    };
    return figuresFrom(await runLoad(sandbox, "fanout", load, size.warmUpMs + size.measureMs + overheadMs));
  });
}

const inFlight = 2_000;
const connections = 4;

/** Appends acknowledged in a second: by bare XADD, pipelined from a Node process, and by a node that makes them messages. */
export function redisAppends(durations: Durations): BenchCase {
  const rows = [1, 100].flatMap((rooms): CaseRow[] => [
    {
      label: `bare XADD, ${rooms === 1 ? "one stream" : `${rooms} streams`}`,
      target: "floor",
      needsRedis: true,
      run: (sandbox) => runXadd(sandbox, rooms, durations),
    },
    {
      label: `Confab, ${rooms === 1 ? "one room" : `${rooms} rooms`}`,
      target: "confab",
      needsRedis: true,
      run: (sandbox) => runAppends(sandbox, rooms, durations),
    },
  ]);
  return {
    id: "redis-appends",
    scenario: "redis-appends",
    title: `Appends to one Redis, ${inFlight} in flight: pipelined XADD, and messages through one node (${connections} WebSockets, Protobuf)`,
    rows,
  };
}

/** The client of bare XADD stands where Confab's node stands, and Redis has the other core in both. */
async function runXadd(sandbox: Sandbox, rooms: number, { warmUpMs, measureMs }: Durations): Promise<Figures> {
  return await withRedis(sandbox, "load", async ({ url, pid }) => {
    const load = { redisUrl: url, inFlight, rooms, warmUpMs, durationMs: measureMs };
    const busyUs = totalUs(cpuTimesOf(pid));
    const result = await runLoad(sandbox, "xadd", load, warmUpMs + measureMs + overheadMs, { role: "server" });
    const redisCoreShare = share(pid, busyUs, warmUpMs + measureMs);
    return {
      ...rateFigures(result),
      redisCoreShare,
      redisBytesPerMessage: (await redisDatasetBytes(url)) / result.stored,
    };
  });
}

async function runAppends(sandbox: Sandbox, rooms: number, { warmUpMs, measureMs }: Durations): Promise<Figures> {
  return await withRedis(sandbox, "load", async ({ url, pid }, started) => {
    const node = started(await startCommand(sandbox, confabNodeCommand(url)));
    const inFlightPerConnection = inFlight / connections;
    const load = { port: node.port, connections, inFlightPerConnection, rooms, warmUpMs, durationMs: measureMs };
    const [nodeUs, redisUs] = [totalUs(cpuTimesOf(node.pid)), totalUs(cpuTimesOf(pid))];
    const result = await runLoad(sandbox, "appends", load, warmUpMs + measureMs + overheadMs);
    const elapsedMs = warmUpMs + measureMs;
    return {
      ...rateFigures(result),
      serverCoreShare: share(node.pid, nodeUs, elapsedMs),
      redisCoreShare: share(pid, redisUs, elapsedMs),
      redisBytesPerMessage: (await redisDatasetBytes(url)) / result.stored,
    };
  });
}

function rateFigures({ acknowledged, elapsedUs, p50Us, p99Us }: AppendsResult): Figures {
  return { requestsPerSecond: acknowledged / (elapsedUs / 1_000_000), p50Us, p99Us };
}

/** Of a core, over a run whose warm-up is like the rest of it. */
function share(pid: number, beforeUs: number, elapsedMs: number): number {
  return (totalUs(cpuTimesOf(pid)) - beforeUs) / (elapsedMs * 1_000);
}

/** A Redis of its own for one run, which ends with everything that was `started` on it. */
async function withRedis(
  sandbox: Sandbox,
  role: Role,
  run: (redis: StartedRedis, started: (target: StartedTarget) => StartedTarget) => Promise<Figures>,
): Promise<Figures> {
  const redis = await startRedisTarget(sandbox, role);
  const parts: { stop(): Promise<void> }[] = [redis];
  try {
    return await run(redis, (target) => {
      parts.push(target);
      return target;
    });
  } finally {
    for (const part of parts.reverse()) await part.stop();
  }
}
