import type { BenchCase, CaseRow, Durations } from "./bench-case.js";
import type { Figures } from "./figures.js";
import type { LowRateLoad, LowRateResult } from "./load/low-rate.js";
import { runLoad } from "./load/run-load.js";
import type { RequestWireName } from "./load/wires/request-wire.js";
import type { WireName } from "./load/wires/wire.js";
import type { TargetName } from "./options.js";
import type { Sandbox } from "./sandbox.js";
import { startTarget } from "./targets/start-target.js";

export interface LowRateSize extends Durations {
  readonly readers: number;
  readonly ratePerSecond: number;
}

/** So many messages come in a short warm-up that what runs hot is compiled. */
const warmUpRatePerSecond = 2_000;
const overheadMs = 40_000;

/** The row that says what the disk takes: a goal compares with it. */
export const flushLabel = "one write and fdatasync";

const rows: readonly (readonly [label: string, target: TargetName, reader: WireName, sender: RequestWireName])[] = [
  ["Centrifugo, no history", "centrifugo", "centrifugo", "centrifugo"],
  ["Bun publish, stores nothing", "bun", "ws-peer", "ws-peer"],
  ["Confab, before", "before", "ws-proto", "ws-proto"],
  ["Confab", "confab", "ws-proto", "ws-proto"],
];

/** Messages that come one at a time, to few readers: what one of them costs, and when it is acknowledged. */
export function lowRate(size: LowRateSize): BenchCase {
  const flushRow: CaseRow = { label: flushLabel, target: "floor", run: (sandbox) => runFlush(sandbox, size) };
  const servers = rows.map(
    ([label, target, readerWire, senderWire]): CaseRow => ({
      label,
      target,
      run: (sandbox) => runLowRate(sandbox, target, { readerWire, senderWire, warmUpRatePerSecond, ...size }),
    }),
  );
  return {
    id: "low-rate",
    scenario: "low-rate",
    title: `${size.ratePerSecond} messages/s one at a time, ${size.readers} readers by WebSocket, warmed up`,
    // The disk is measured in the same minute as the server whose acknowledgements wait for it, whichever way a round goes.
    rows: [...servers.slice(0, -1), flushRow, ...servers.slice(-1)],
  };
}

async function runLowRate(
  sandbox: Sandbox,
  name: TargetName,
  size: Omit<LowRateLoad, "port" | "serverPid">,
): Promise<Figures> {
  const target = await startTarget(sandbox, name);
  try {
    const load: LowRateLoad = { port: target.port, serverPid: target.pid, ...size };
    const result = await runLoad(sandbox, "low-rate", load, size.warmUpMs + size.measureMs + overheadMs);
    return { ...figuresFrom(result), loadCoreShare: result.loadCpuUs / result.elapsedUs };
  } finally {
    await target.stop();
  }
}

/** In a folder where the servers have theirs, and on the server's core. */
async function runFlush(sandbox: Sandbox, { ratePerSecond, warmUpMs, measureMs }: LowRateSize): Promise<Figures> {
  const folder = sandbox.makeFolder();
  try {
    const load = { folder, ratePerSecond, warmUpMs, measureMs };
    return figuresFrom(await runLoad(sandbox, "flush", load, warmUpMs + measureMs + overheadMs, { role: "server" }));
  } finally {
    sandbox.removeFolder(folder);
  }
}

function figuresFrom(result: Omit<LowRateResult, "loadCpuUs">): Figures {
  return {
    cpuUsPerMessage: result.serverCpuUs / result.messages,
    p50Us: result.p50Us,
    p99Us: result.p99Us,
    serverCoreShare: result.serverCpuUs / result.elapsedUs,
    othersCoreShare: Math.max(result.othersCpuUs, 0) / result.elapsedUs,
  };
}
