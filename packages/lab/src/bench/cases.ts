import { attacking } from "./attack-case.js";
import type { BenchCase, CaseRow } from "./bench-case.js";
import { grpcFanout, webSocketFanout } from "./fanout-case.js";
import { foldedPages } from "./folded-case.js";
import { grpcHighestRate, webSocketHighestRate } from "./highest-rate-case.js";
import { historyReading } from "./history-case.js";
import { hooksFanout, hooksUnary } from "./hooks-case.js";
import { lowRate } from "./low-rate-case.js";
import type { Machine } from "./machine.js";
import { grpcMemory, webSocketMemory } from "./memory-case.js";
import type { BenchOptions } from "./options.js";
import { presence } from "./presence-case.js";
import { crossNode, redisAppends } from "./redis-case.js";
import { resuming } from "./resume-case.js";
import { stalling } from "./stalled-case.js";
import { starting } from "./start-case.js";
import { whyMissing } from "./targets/programs.js";
import { unarySend } from "./unary-case.js";

/** What a bench runs, and what it would have run if the machine had all it takes. */
export interface ChosenCases {
  readonly cases: readonly BenchCase[];
  readonly leftOut: readonly string[];
}

/** Everything that was asked for and can be run here, in the order it is run and reported. */
export function chooseCases(options: BenchOptions, machine: Machine, missingReason = whyMissing): ChosenCases {
  const asked = allCases(options, machine)
    .filter(({ scenario }) => options.only.includes(scenario))
    .map((benchCase) => ({ ...benchCase, rows: benchCase.rows.filter((row) => options.targets.includes(row.target)) }));
  const targets = new Set(asked.flatMap(({ rows }) => rows.map(({ target }) => target)));
  const missing = new Map(
    [...targets].flatMap((target) => {
      const reason = missingReason(target);
      return reason === undefined ? [] : [[target, reason] as const];
    }),
  );
  const isRunnable = ({ target, needsRedis = false }: CaseRow): boolean =>
    !missing.has(target) && (machine.hasRedis || !needsRedis);
  const withoutRedis = machine.hasRedis ? [] : asked.filter(({ rows }) => rows.some(({ needsRedis }) => needsRedis));
  return {
    cases: asked
      .map((benchCase) => ({ ...benchCase, rows: benchCase.rows.filter(isRunnable) }))
      .filter(({ rows }) => rows.length > 0),
    leftOut: [
      ...[...missing].map(([target, reason]) => `${target}: ${reason}`),
      ...withoutRedis.map(({ id }) => `${id}, what needs Redis: not installed (Debian: apt-get install redis-server)`),
    ],
  };
}

function allCases(options: BenchOptions, machine: Machine): readonly BenchCase[] {
  const warmUpMs = 1_000;
  const durations = { warmUpMs, measureMs: options.isQuick ? 1_500 : 5_000 };
  const rates = { subscribers: 500, p99BoundMs: 100, stepMs: options.isQuick ? 700 : 1_500 };
  return [
    webSocketFanout("ws-100", { subscribers: 1_000, ratePerSecond: 100, ...durations }),
    webSocketFanout("ws-2000", { subscribers: 500, ratePerSecond: 2_000, ...durations }),
    grpcFanout("grpc-50", { subscribers: 1_000, ratePerSecond: 50, ...durations }),
    // A quick run has twenty minutes for everything.
    ...(options.isQuick ? [] : [grpcFanout("grpc-100", { subscribers: 1_000, ratePerSecond: 100, ...durations })]),
    webSocketHighestRate(rates),
    grpcHighestRate(rates),
    unarySend("unary", { inFlightPerConnection: 10, hasH2load: machine.hasH2load, ...durations }),
    unarySend("unary-1000", { inFlightPerConnection: 100, hasH2load: machine.hasH2load, ...durations }),
    lowRate({ readers: 10, ratePerSecond: 200, warmUpMs: 3_000, measureMs: options.isQuick ? 5_000 : 10_000 }),
    webSocketMemory(10_000),
    grpcMemory(1_000),
    crossNode({ subscribers: 100, ratePerSecond: 100, ...durations }),
    redisAppends(durations),
    presence(options.isQuick ? 10_000 : 100_000),
    resuming({
      readers: 1_000,
      liveReaders: 100,
      messagesBack: 1_000,
      ratePerSecond: 100,
      beforeMs: durations.measureMs,
    }),
    stalling({ subscribers: 900, ratePerSecond: 100, ...durations }, 100),
    attacking({ subscribers: 10, ratePerSecond: 50, measureMs: durations.measureMs * 2 }),
    historyReading(options.isQuick ? 200_000 : 500_000),
    foldedPages({ messages: 100_000, edits: 10_000, measureMs: durations.measureMs }),
    hooksUnary({ inFlightPerConnection: 10, hasH2load: machine.hasH2load, ...durations }),
    hooksFanout({ subscribers: 1_000, ratePerSecond: 100, ...durations }),
    starting("start-messages", { messages: 1_000_000, rooms: 1 }),
    starting("start-rooms", { messages: 100_000, rooms: 100_000 }),
  ];
}
