import { execFileSync } from "node:child_process";
import type { BenchCase, CaseRow } from "./bench-case.js";
import { type FanoutRow, grpcRows, webSocketRows } from "./fanout-case.js";
import type { Figures } from "./figures.js";
import { runLoad } from "./load/run-load.js";
import type { WireName } from "./load/wires/wire.js";
import type { TargetName } from "./options.js";
import type { Sandbox } from "./sandbox.js";
import { startTarget } from "./targets/start-target.js";

const timeoutMs = 60_000;
/** Descriptors that a process needs for itself, with the connections that are opened before the counted ones. */
const reservedDescriptors = 300;

/** Memory of idle WebSockets. Where the system allows fewer open files, fewer are opened, and the table says so. */
export function webSocketMemory(connections: number): BenchCase {
  // A silent connection costs the same in all forms of the frames.
  const rows = webSocketRows.filter(([label]) => !label.endsWith("frames"));
  return { id: "memory-ws", scenario: "memory", title: "Memory of idle WebSockets", rows: rowsFrom(rows, connections) };
}

/** Memory of idle StreamMessages calls, each on a connection of its own. */
export function grpcMemory(connections: number): BenchCase {
  const rows = rowsFrom(grpcRows, connections);
  return { id: "memory-grpc", scenario: "memory", title: "Memory of idle gRPC streams", rows };
}

function rowsFrom(rows: readonly FanoutRow[], wanted: number): readonly CaseRow[] {
  const connections = Math.min(wanted, maxOpenFiles() - reservedDescriptors);
  return rows.map(([label, target, wire]) => ({
    label,
    target,
    run: (sandbox) => runIdle(sandbox, target, wire, connections),
  }));
}

async function runIdle(sandbox: Sandbox, name: TargetName, wire: WireName, connections: number): Promise<Figures> {
  const target = await startTarget(sandbox, name);
  try {
    const load = { wire, port: target.port, serverPid: target.pid, connections };
    return { connections, ...(await runLoad(sandbox, "idle", load, timeoutMs)) };
  } finally {
    await target.stop();
  }
}

/** The hard limit: Node raises its own soft limit to it when it starts. */
function maxOpenFiles(): number {
  const limit = execFileSync("sh", ["-c", "ulimit -Hn"], { encoding: "utf8" }).trim();
  return limit === "unlimited" ? Number.MAX_SAFE_INTEGER : Number(limit);
}
