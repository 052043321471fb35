import type { BenchCase } from "./bench-case.js";
import { grpcFanout, webSocketFanout } from "./fanout-case.js";
import { grpcHighestRate, webSocketHighestRate } from "./highest-rate-case.js";
import { historyReading } from "./history-case.js";
import type { Machine } from "./machine.js";
import { grpcMemory, webSocketMemory } from "./memory-case.js";
import type { BenchOptions } from "./options.js";
import { presence } from "./presence-case.js";
import { crossNode, redisAppends } from "./redis-case.js";
import { resuming } from "./resume-case.js";
import { stalling } from "./stalled-case.js";
import { unarySend } from "./unary-case.js";

/** Everything that was asked for, in the order it is run and reported. */
export function casesFor(options: BenchOptions, machine: Machine): readonly BenchCase[] {
  const warmUpMs = 1_000;
  const durations = { warmUpMs, measureMs: options.isQuick ? 1_500 : 5_000 };
  const cases = [
    webSocketFanout("ws-100", { subscribers: 1_000, ratePerSecond: 100, ...durations }),
    webSocketFanout("ws-2000", { subscribers: 500, ratePerSecond: 2_000, ...durations }),
    grpcFanout("grpc-50", { subscribers: 1_000, ratePerSecond: 50, ...durations }),
    // A quick run has five minutes for everything.
    ...(options.isQuick ? [] : [grpcFanout("grpc-100", { subscribers: 1_000, ratePerSecond: 100, ...durations })]),
    webSocketHighestRate({ subscribers: 500, p99BoundMs: 100, stepMs: options.isQuick ? 1_000 : 3_000 }),
    grpcHighestRate({ subscribers: 500, p99BoundMs: 100, stepMs: options.isQuick ? 1_000 : 3_000 }),
    unarySend({ hasH2load: machine.hasH2load, ...durations }),
    webSocketMemory(10_000),
    grpcMemory(1_000),
    ...(machine.hasRedis
      ? [
          crossNode({ subscribers: 100, ratePerSecond: 100, ...durations }),
          redisAppends(durations),
          presence(options.isQuick ? 10_000 : 100_000),
        ]
      : []),
    resuming({
      readers: 1_000,
      liveReaders: 100,
      messagesBack: 1_000,
      ratePerSecond: 100,
      beforeMs: durations.measureMs,
    }),
    stalling({ subscribers: 900, ratePerSecond: 100, ...durations }, 100),
    historyReading(options.isQuick ? 200_000 : 500_000),
  ];
  return cases
    .filter((benchCase) => options.only.includes(benchCase.scenario))
    .map((benchCase) => ({ ...benchCase, rows: benchCase.rows.filter((row) => options.targets.includes(row.target)) }))
    .filter((benchCase) => benchCase.rows.length > 0);
}
