import type { BenchCase, CaseRow } from "./bench-case.js";
import { type FanoutSize, figuresFrom, graceMs } from "./fanout-case.js";
import type { Figures } from "./figures.js";
import { runLoad } from "./load/run-load.js";
import type { StalledLoad } from "./load/stalled.js";
import type { WireName } from "./load/wires/wire.js";
import type { Sandbox } from "./sandbox.js";
import { startTarget } from "./targets/start-target.js";

/** Connecting, two floods, reaching everybody, draining. */
const overheadMs = 70_000;

/** The same fan-out with and without readers of the room that have stopped reading. */
export function stalling(size: FanoutSize, stalled: number): BenchCase {
  const row = (label: string, wire: WireName, count: number): CaseRow => ({
    label,
    target: "confab",
    run: (sandbox) => runStalled(sandbox, wire, size, { count, of: stalled }),
  });
  return {
    id: "stalled",
    scenario: "stalled",
    title: `Readers that stop: ${size.subscribers} subscribers × ${size.ratePerSecond} messages/s, alone and beside ${stalled} that do not read`,
    rows: [
      row("Protobuf frames, alone", "ws-proto", 0),
      row("Protobuf frames, beside stalled", "ws-proto", stalled),
      row("gRPC, alone", "grpc-confab", 0),
      row("gRPC, beside stalled", "grpc-confab", stalled),
    ],
  };
}

async function runStalled(
  sandbox: Sandbox,
  wire: WireName,
  size: FanoutSize,
  stalled: { readonly count: number; readonly of: number },
): Promise<Figures> {
  const target = await startTarget(sandbox, "confab");
  try {
    const { port, pid: serverPid } = target;
    const load: StalledLoad = { wire, port, serverPid, graceMs, stalled: stalled.count, ...size };
    const result = await runLoad(sandbox, "stalled", load, size.warmUpMs + size.measureMs + overheadMs);
    // Also where nobody stalls, for as many: what the flood costs by itself.
    return { ...figuresFrom(result), stalledGrowthBytes: result.rssGrowthBytes / stalled.of };
  } finally {
    await target.stop();
  }
}
