import type { CaseId, CaseResult, RowResult } from "./bench-case.js";
import { type FigureName, isNoisy } from "./figures.js";
import type { Goal } from "./goal.js";
import { flushLabel } from "./low-rate-case.js";
import { formatExactRatio } from "./report/table.js";
import { ratiosTo } from "./rounds.js";
import { median } from "./statistics.js";

/** A figure of one row compared with the same figure of another row. */
interface RatioGoal {
  /** The job, and what is measured of it. */
  readonly job: string;
  readonly id: CaseId;
  readonly name: FigureName;
  readonly row: string;
  readonly base: string;
  /** What the claim calls the base. */
  readonly baseWord: string;
  readonly bound: readonly ["≤" | "≥", number];
}

const unaryRow = "Confab, durability fsync";
const framesRow = "Confab WebSocket frames, durability fsync";
const streamRow = "Confab, StreamMessages";

const goals: readonly RatioGoal[] = [
  ...lowRateGoals(),
  ...([100, 1_000] as const).flatMap(unaryGoals),
  ...historyGoals(),
  ...resumeGoals(),
  ...(["closed in order", "after kill -9"] as const).flatMap(startGoals),
];

function lowRateGoals(): readonly RatioGoal[] {
  const job = "200 messages/s one at a time, 10 readers, warm";
  const cpu = { job: `${job}: CPU per message`, id: "low-rate", name: "cpuUsPerMessage", row: "Confab" } as const;
  return [
    { ...cpu, base: "Confab, before", baseWord: "before", bound: ["≤", 0.4] },
    { ...cpu, base: "Centrifugo, no history", baseWord: "Centrifugo", bound: ["≤", 1.5] },
    {
      job: `${job}: send to acknowledgement, p50`,
      id: "low-rate",
      name: "p50Us",
      row: "Confab",
      base: flushLabel,
      baseWord: flushLabel,
      bound: ["≤", 2.5],
    },
  ];
}

function unaryGoals(inFlight: 100 | 1_000): readonly RatioGoal[] {
  const id = inFlight === 100 ? "unary" : "unary-1000";
  const whole = new Intl.NumberFormat("en").format(inFlight);
  const unary = { job: `Unary SendMessage, flushed, ${whole} in flight: rate`, id, row: unaryRow } as const;
  const frames = { job: `Sends by WebSocket frames, flushed, ${whole} in flight: rate`, id, row: framesRow } as const;
  const name = "requestsPerSecond";
  const before = "Confab before WebSocket frames, durability fsync";
  return [
    { ...unary, name, base: "grpc-js, stores nothing", baseWord: "grpc-js", bound: ["≥", 4] },
    { ...unary, name, base: "grpc-go, stores nothing", baseWord: "grpc-go", bound: ["≥", inFlight === 100 ? 1 : 2] },
    { ...frames, name, base: before, baseWord: "before", bound: ["≥", 2.5] },
    { ...frames, name, base: "NATS JetStream, flushed later", baseWord: "NATS JetStream", bound: ["≥", 0.8] },
  ];
}

function historyGoals(): readonly RatioGoal[] {
  const goal = {
    job: "History to one reader: rate",
    id: "history",
    name: "messagesPerSecond",
    row: streamRow,
  } as const;
  return [
    { ...goal, base: "Confab before, StreamMessages", baseWord: "before", bound: ["≥", 3.5] },
    { ...goal, base: "bare Redis XRANGE, pages", baseWord: "bare Redis XRANGE", bound: ["≥", 1.3] },
  ];
}

function resumeGoals(): readonly RatioGoal[] {
  return ["Confab Protobuf frames", "Confab gRPC"].map((row) => ({
    job: `1,000 readers back at once, ${row}: until all are live`,
    id: "resume",
    name: "allLiveUs",
    row,
    base: "bare TCP",
    baseWord: "bare TCP",
    bound: ["≤", 1.3],
  }));
}

function startGoals(ending: string): readonly RatioGoal[] {
  const row = { row: `Confab, ${ending}`, base: `Confab before, ${ending}`, baseWord: "before" } as const;
  const start = { ...row, name: "startUs", bound: ["≤", 0.3] } as const;
  return [
    { ...start, id: "start-messages", job: `Start with 1,000,000 messages, ${ending}` },
    { ...start, id: "start-rooms", job: `Start with 100,000 rooms, ${ending}` },
  ];
}

/** Judge those targets that are ratios, by the median of the rounds' ratios. */
export function judgeRatios(results: readonly CaseResult[]): readonly Goal[] {
  return goals.map((goal) => judge(goal, results.find(({ id }) => id === goal.id)?.rows ?? []));
}

function judge({ job, name, bound: [sign, bound], ...goal }: RatioGoal, rows: readonly RowResult[]): Goal {
  const row = rows.find(({ label }) => label === goal.row);
  const base = rows.find(({ label }) => label === goal.base);
  const value = row && base && median(ratiosTo(base, row, name));
  return {
    claim: `${job} ${sign} ${bound} × ${goal.baseWord}`,
    figure: formatExactRatio(value),
    isMet: value === undefined ? fellBehind(row) : sign === "≤" ? value <= bound : value >= bound,
    isNoisy: [row, base].some((each) => each !== undefined && isNoisy(each.figures)),
  };
}

/** A server that fell behind has no such figure, and it has missed. */
function fellBehind(row: RowResult | undefined): false | undefined {
  return (row?.figures.deliveredShare ?? 1) < 1 ? false : undefined;
}
