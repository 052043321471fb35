import type { ContenderFindings } from "../findings.js";
import { compareEstimates, type Estimate, estimateOf, minDifference } from "../statistics/estimate.js";

/** One thing that contenders are compared by. */
interface FigureKind {
  readonly label: string;
  readonly unit: string;
  readonly better: "lower" | "higher";
  /** Two values that differ by less than this share tie, whatever their spread. */
  readonly leastDifference: number;
  of(found: ContenderFindings): Estimate | undefined;
}

/** How many messages a byte figure is the middle of; what is counted has no spread. */
const countedMessages = 7;
/** A byte is a byte: only what rounds away is a tie. */
const leastByteDifference = 0.01;
/** The rate is searched for in steps: nearer than this says nothing. */
const leastRateDifference = 0.25;

/** Every figure, in the order of the report. */
export const figureKinds = {
  sendBytes: counted(
    "Bytes to send one",
    ({ bytes }) => bytes && bytes.steadySend.upBytes + bytes.steadySend.downBytes,
  ),
  receiveBytes: counted(
    "Bytes to receive one",
    ({ bytes }) => bytes && bytes.steadyReceive.upBytes + bytes.steadyReceive.downBytes,
  ),
  setUpBytes: counted(
    "Bytes to set up",
    ({ bytes }) => bytes && bytes.readerSetUp.upBytes + bytes.readerSetUp.downBytes,
  ),
  roundTrips: counted("Round trips to the first message", ({ firstMessage }) => firstMessage?.roundTrips, ""),
  firstMessageMs: timed("Time to the first message", "ms", ({ newcomersUs }) => newcomersUs.map((us) => us / 1000)),
  p50Ms: timed("Latency p50", "ms", latencies("p50")),
  p95Ms: timed("Latency p95", "ms", latencies("p95")),
  p99Ms: timed("Latency p99", "ms", latencies("p99")),
  serverCpuUs: timed("Server CPU per delivery", "µs", (found) =>
    keptRounds(found).map((round) => round.serverCpuUsPerDelivery),
  ),
  clientCpuUs: timed("Client CPU per delivery", "µs", (found) =>
    keptRounds(found).map((round) => round.clientCpuUsPerDelivery),
  ),
  ratePerSecond: {
    label: "Highest rate with p99 under its bound",
    unit: "/s",
    better: "higher",
    leastDifference: leastRateDifference,
    of: ({ capacity }) => estimateOf(capacity.map((search) => search.ratePerSecond)),
  },
  memoryKb: {
    label: "Server memory per idle connection",
    unit: "KB",
    better: "lower",
    leastDifference: minDifference,
    of: ({ idle }) => idle && memoryPerConnection(idle.points),
  },
} as const satisfies Record<string, FigureKind>;

export type FigureName = keyof typeof figureKinds;
export const figureNames = Object.keys(figureKinds) as readonly FigureName[];

/** How one contender does by one figure. */
export interface FigureEntry {
  readonly id: string;
  readonly estimate: Estimate;
  /** How many times the best one's value this is; for rates, how many times less. 1 for the best. */
  readonly timesBest: number;
  /** Whether it is the best, or ties with it. */
  readonly isBest: boolean;
  /** The others that it ties with. */
  readonly tiesWith: readonly string[];
}

/** One figure of all contenders that have it, the best first. */
export interface FigureTable {
  readonly name: FigureName;
  readonly label: string;
  readonly unit: string;
  readonly better: "lower" | "higher";
  readonly entries: readonly FigureEntry[];
}

/** Compare all contenders by one figure. */
export function figureTable(name: FigureName, contenders: readonly ContenderFindings[]): FigureTable {
  const kind: FigureKind = figureKinds[name];
  const { label, unit, better } = kind;
  const known = contenders
    .flatMap((found) => {
      const estimate = kind.of(found);
      return estimate === undefined ? [] : [{ id: found.contender.id, estimate }];
    })
    .toSorted((a, b) => (better === "lower" ? 1 : -1) * (a.estimate.value - b.estimate.value));
  const [best] = known;
  const ties = (a: Estimate, b: Estimate): boolean => compareEstimates(a, b, kind.leastDifference) === "tie";
  const entries = known.map(({ id, estimate }) => ({
    id,
    estimate,
    timesBest: best === undefined ? 1 : timesBest(estimate.value, best.estimate.value, better),
    isBest: best === undefined || id === best.id || ties(estimate, best.estimate),
    tiesWith: known.filter((other) => other.id !== id && ties(estimate, other.estimate)).map((other) => other.id),
  }));
  return { name, label, unit, better, entries };
}

function timesBest(value: number, best: number, better: "lower" | "higher"): number {
  const [over, under] = better === "lower" ? [value, best] : [best, value];
  return under === 0 ? 1 : over / under;
}

/** The rounds whose figures count: a round that did not keep its rate measured something else. */
export function keptRounds({ rounds }: ContenderFindings): ContenderFindings["rounds"] {
  return rounds.filter((round) => round.keptRate);
}

function counted(label: string, of: (found: ContenderFindings) => number | undefined, unit = "B"): FigureKind {
  return {
    label,
    unit,
    better: "lower",
    leastDifference: leastByteDifference,
    of(found) {
      const value = of(found);
      return value === undefined ? undefined : { value, low: value, high: value, rounds: countedMessages };
    },
  };
}

function timed(
  label: string,
  unit: string,
  of: (found: ContenderFindings) => readonly number[] | undefined,
): FigureKind {
  return {
    label,
    unit,
    better: "lower",
    leastDifference: minDifference,
    of: (found) => estimateOf(of(found) ?? []),
  };
}

function latencies(share: "p50" | "p95" | "p99") {
  return (found: ContenderFindings): readonly number[] =>
    keptRounds(found).flatMap(({ latencyUs }) => (latencyUs === undefined ? [] : [latencyUs[share] / 1000]));
}

/**
 * The whole growth, and how much it differed from one stretch to the next: a process takes memory in larger pieces than a
 * connection needs.
 */
function memoryPerConnection(
  points: readonly { readonly connections: number; readonly rssBytes: number }[],
): Estimate | undefined {
  const [first, last] = [points[0], points.at(-1)];
  if (first === undefined || last === undefined || last === first) return undefined;
  const kilobytes = (from: typeof first, to: typeof first): number =>
    (to.rssBytes - from.rssBytes) / 1024 / Math.max(to.connections - from.connections, 1);
  const stretches = points.slice(1).map((point, index) => kilobytes(points[index] ?? first, point));
  const value = kilobytes(first, last);
  return { value, low: Math.min(value, ...stretches), high: Math.max(value, ...stretches), rounds: stretches.length };
}
