import type { Figures } from "./figures.js";
import type { ScenarioName, TargetName } from "./options.js";
import type { Sandbox } from "./sandbox.js";

/** One server's line in a case's table. */
export interface CaseRow {
  readonly label: string;
  readonly target: TargetName;
  /** Without redis-server it is left out. */
  readonly needsRedis?: boolean;
  /** Start the server, load it, end it. @throws Error: the run could not be made. */
  run(sandbox: Sandbox): Promise<Figures>;
}

/** The same job given to several servers. */
export interface BenchCase {
  readonly id: CaseId;
  readonly scenario: ScenarioName;
  readonly title: string;
  readonly rows: readonly CaseRow[];
}

export type CaseId =
  | "ws-100"
  | "ws-2000"
  | "grpc-50"
  | "grpc-100"
  | "rate-ws"
  | "rate-grpc"
  | "unary"
  | "unary-1000"
  | "low-rate"
  | "start-messages"
  | "start-rooms"
  | "memory-ws"
  | "memory-grpc"
  | "redis-nodes"
  | "redis-appends"
  | "presence"
  | "resume"
  | "stalled"
  | "attack"
  | "history"
  | "folded"
  | "hooks-unary"
  | "hooks-fanout";

/** What a row's runs gave. */
export interface RowResult {
  readonly label: string;
  readonly target: TargetName;
  /** One for each round, in their order; empty where the run could not be made. */
  readonly rounds: readonly Figures[];
  /** The medians; empty when no run could be made. */
  readonly figures: Figures;
  /** Why runs could not be made. */
  readonly failures: readonly string[];
}

export interface CaseResult {
  readonly id: CaseId;
  readonly scenario: ScenarioName;
  readonly title: string;
  readonly rows: readonly RowResult[];
}

/** How long the parts of a run take, in milliseconds. */
export interface Durations {
  readonly warmUpMs: number;
  readonly measureMs: number;
}
