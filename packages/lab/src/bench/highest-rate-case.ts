import type { BenchCase, CaseId, CaseRow } from "./bench-case.js";
import { type FanoutRow, grpcRows, webSocketRows } from "./fanout-case.js";
import type { Figures } from "./figures.js";
import type { HighestRateLoad } from "./load/highest-rate.js";
import { runLoad } from "./load/run-load.js";
import type { WireName } from "./load/wires/wire.js";
import type { TargetName } from "./options.js";
import type { Sandbox } from "./sandbox.js";
import { startTarget } from "./targets/start-target.js";

export type HighestRateSize = Pick<HighestRateLoad, "subscribers" | "p99BoundMs" | "stepMs">;

/** A dozen rates, after some of which a server has seconds of messages to send that piled up. */
const timeoutMs = 180_000;

/** The most messages per second that one publisher may send to many WebSockets. */
export function webSocketHighestRate(size: HighestRateSize): BenchCase {
  return highestRate("rate-ws", "WebSocket", webSocketRows, size);
}

/** The same by StreamMessages, each call on a connection of its own. */
export function grpcHighestRate(size: HighestRateSize): BenchCase {
  return highestRate("rate-grpc", "gRPC server stream", grpcRows, size);
}

function highestRate(id: CaseId, by: string, rows: readonly FanoutRow[], size: HighestRateSize): BenchCase {
  return {
    id,
    scenario: "highest-rate",
    title: `Highest rate by ${by}: ${size.subscribers} subscribers, p99 ≤ ${size.p99BoundMs} ms`,
    rows: rows.map(
      ([label, target, wire]): CaseRow => ({
        label,
        target,
        run: (sandbox) => runHighestRate(sandbox, target, wire, size),
      }),
    ),
  };
}

async function runHighestRate(
  sandbox: Sandbox,
  name: TargetName,
  wire: WireName,
  size: HighestRateSize,
): Promise<Figures> {
  const target = await startTarget(sandbox, name);
  try {
    const load: HighestRateLoad = { wire, port: target.port, serverPid: target.pid, ...size };
    const { ratePerSecond, ...rest } = await runLoad(sandbox, "highest-rate", load, timeoutMs);
    return { highestRatePerSecond: ratePerSecond, deliveriesPerSecond: ratePerSecond * size.subscribers, ...rest };
  } finally {
    await target.stop();
  }
}
