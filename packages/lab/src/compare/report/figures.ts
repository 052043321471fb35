import { fullCoreShare } from "../../bench/figures.js";
import type { ContenderFindings } from "../findings.js";
import type { FanoutFigures } from "../measure/fanout.js";
import { compareEstimates, type Estimate, estimateOf, isDecisive, minDifference } from "../statistics/estimate.js";
import { type TransportName, transports } from "../transports.js";

/** One thing that contenders are compared by. */
interface FigureKind {
  readonly label: string;
  readonly unit: string;
  readonly better: "lower" | "higher";
  /** Two values that differ by less than this share tie, whatever their spread. */
  readonly leastDifference: number;
  of(found: ContenderFindings): Estimate | undefined;
  /** Why a transport's figure is not for the same job as the others'; it is shown, and compared with none. */
  isApart?(transport: TransportName): boolean;
}

/** How many messages a byte figure is the middle of; what is counted has no spread. */
const countedMessages = 7;
/** A byte is a byte: only what rounds away is a tie. */
const leastByteDifference = 0.01;
/** The rate is searched for in steps: nearer than this says nothing. */
const leastRateDifference = 0.25;

/** Every figure, in the order of the report. */
export const figureKinds = {
  sendBytes: {
    ...counted("Bytes to send one", ({ bytes }) => bytes && bytes.steadySend.upBytes + bytes.steadySend.downBytes),
    isApart: (transport: TransportName) => !transports[transport].acknowledges,
  },
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
  serverCpuUs: timed("Server CPU per message", "µs", (found) =>
    keptRounds(found).map((round) => round.serverCpuUsPerMessage),
  ),
  readerCpuUs: timed("Server CPU per further reader", "µs", cpuOfAReader),
  clientCpuUs: timed("Client CPU per message", "µs", (found) =>
    keptRounds(found).map((round) => round.clientCpuUsPerMessage),
  ),
  ratePerSecond: {
    label: "Highest rate with p99 under its bound",
    unit: "/s",
    better: "higher",
    leastDifference: leastRateDifference,
    of: ({ capacity }) => highestRate(capacity),
  },
  memoryKb: timed("Server memory per idle connection", "KB", ({ idle }) => idle.map(memoryPerConnection)),
} as const satisfies Record<string, FigureKind>;

export type FigureName = keyof typeof figureKinds;
export const figureNames = Object.keys(figureKinds) as readonly FigureName[];

/** The figures in tables that fit a page. */
export const figureGroups: readonly (readonly FigureName[])[] = [
  ["sendBytes", "receiveBytes", "setUpBytes", "roundTrips"],
  ["p50Ms", "p95Ms", "p99Ms", "firstMessageMs"],
  ["serverCpuUs", "readerCpuUs", "clientCpuUs"],
  ["ratePerSecond", "memoryKb"],
];

/** How one contender does by one figure. */
export interface FigureEntry {
  readonly id: string;
  readonly estimate: Estimate;
  /** How many times the best one's value this is; for rates, how many times less. 1 for the best. */
  readonly timesBest: number;
  /** Whether it is the best, or ties with it; false where that is not known. */
  readonly isBest: boolean;
  /** False: it rests on too few rounds, or is no figure of the same job, and is compared with none. */
  readonly isCompared: boolean;
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

/** Whether nobody is better than anybody by this figure; a mark on all of them would say no more. */
export function isTieOfAll({ entries }: FigureTable): boolean {
  return entries.length > 1 && entries.every((entry) => entry.isBest);
}

/** Compare all contenders by one figure. */
export function figureTable(name: FigureName, contenders: readonly ContenderFindings[]): FigureTable {
  const kind: FigureKind = figureKinds[name];
  const { label, unit, better } = kind;
  const known = contenders
    .flatMap((found) => {
      const estimate = kind.of(found);
      return estimate === undefined ? [] : [{ found, estimate }];
    })
    .toSorted((a, b) => (better === "lower" ? 1 : -1) * (a.estimate.value - b.estimate.value));
  const isCompared = ({ estimate, found }: (typeof known)[number]): boolean =>
    isDecisive(estimate) && kind.isApart?.(found.contender.transport) !== true;
  const compared = known.filter(isCompared);
  const best = compared[0] ?? known[0];
  const ties = (a: Estimate, b: Estimate): boolean => compareEstimates(a, b, kind.leastDifference) === "tie";
  const entries = known.map((entry): FigureEntry => {
    const { estimate, found } = entry;
    const others = isCompared(entry) ? compared.filter((other) => other !== entry) : [];
    return {
      id: found.contender.id,
      estimate,
      timesBest: best === undefined ? 1 : timesBest(estimate.value, best.estimate.value, better),
      isBest: best !== undefined && isCompared(entry) && (entry === best || ties(estimate, best.estimate)),
      isCompared: isCompared(entry),
      tiesWith: others.filter((other) => ties(estimate, other.estimate)).map((other) => other.found.contender.id),
    };
  });
  // Whoever is compared with none can stand nowhere but behind the others.
  return {
    name,
    label,
    unit,
    better,
    entries: entries.toSorted((a, b) => Number(b.isCompared) - Number(a.isCompared)),
  };
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

/** From the run with the fewest readers to the one with the most, round by round. */
function cpuOfAReader(found: ContenderFindings): readonly number[] {
  const runs = found.fanouts.toSorted((a, b) => a.subscribers - b.subscribers);
  const [few, many] = [runs[0], runs.at(-1)];
  if (few === undefined || many === undefined || few === many) return [];
  const kept = (round: FanoutFigures | undefined): number | undefined =>
    round?.keptRate === true ? round.serverCpuUsPerMessage : undefined;
  return few.rounds.flatMap((round, index) => {
    const [least, most] = [kept(round), kept(many.rounds[index])];
    return least === undefined || most === undefined ? [] : [(most - least) / (many.subscribers - few.subscribers)];
  });
}

/** What was kept, up to what was not: where one search knows no upper end, all of them together know none. */
function highestRate(searches: ContenderFindings["capacity"]): Estimate | undefined {
  const kept = estimateOf(searches.map((search) => search.ratePerSecond));
  if (kept === undefined) return undefined;
  const ends = searches.map(({ failedRatePerSecond, clientCoreShare }) =>
    // A client that had no time left says nothing of the server.
    clientCoreShare >= fullCoreShare ? undefined : failedRatePerSecond,
  );
  const known = ends.filter((end) => end !== undefined);
  const missed = known.length < ends.length ? undefined : estimateOf(known);
  return missed === undefined ? { ...kept, isOpen: true } : { ...kept, high: missed.high };
}

/** How much the server grew, for each connection; a process takes memory in larger pieces than a connection needs. */
function memoryPerConnection({ points }: ContenderFindings["idle"][number]): number {
  const [first, last] = [points[0], points.at(-1)];
  if (first === undefined || last === undefined) return 0;
  return (last.rssBytes - first.rssBytes) / 1024 / Math.max(last.connections - first.connections, 1);
}
