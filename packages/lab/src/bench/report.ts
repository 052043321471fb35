import type { CaseResult, RowResult } from "./bench-case.js";
import { type FigureName, type Figures, isNoisy } from "./figures.js";
import type { Goal } from "./goals.js";
import type { Machine } from "./machine.js";
import type { ScenarioName } from "./options.js";
import { ratio } from "./statistics.js";
import { formatFigure, formatRatio, formatShare, layOut } from "./table.js";

interface Column {
  readonly head: string;
  cell(row: RowResult, rows: readonly RowResult[]): string;
}

const figure = (head: string, name: FigureName, perUnit = 1): Column => ({
  head,
  cell: ({ figures }) => formatFigure(scaled(figures[name], perUnit)),
});

const share = (head: string, name: FigureName): Column => ({ head, cell: ({ figures }) => formatShare(figures[name]) });

/** This row's figure over the same one of the first row whose label begins with `base`. */
const over = (base: string, name: FigureName): Column => ({
  head: `÷ ${base}`,
  cell: ({ figures }, rows) =>
    formatRatio(ratio(figures[name], rows.find(({ label }) => label.startsWith(base))?.figures[name])),
});

const delivered: Column = {
  head: "delivered",
  cell: ({ figures, rounds }) => {
    const text = formatShare(figures.deliveredShare);
    if (figures.deliveredShare !== undefined && figures.deliveredShare < 1) return `falls behind: ${text}`;
    // The median hides a round that fell behind; the reader should not have to guess.
    const late = rounds.filter((round) => (round.deliveredShare ?? 1) < 1).length;
    return late === 0 ? text : `${text}, ${late} of ${rounds.length} rounds behind`;
  },
};

const latency = [figure("p50 ms", "p50Us", 1000), figure("p99 ms", "p99Us", 1000)];
const cpuPerDelivery = [figure("CPU µs/delivery", "cpuUsPerDelivery"), figure("of it kernel", "kernelUsPerDelivery")];
const cores = [
  share("server core", "serverCoreShare"),
  share("load core", "loadCoreShare"),
  share("others", "othersCoreShare"),
];
const fanoutEnd = [
  ...latency,
  figure("bytes", "bytesPerDelivery"),
  figure("msgs/read", "messagesPerRead"),
  ...cores,
  delivered,
];

const columns: Record<ScenarioName, readonly Column[]> = {
  "fanout-ws": [...cpuPerDelivery, over("bare TCP", "cpuUsPerDelivery"), over("ws", "cpuUsPerDelivery"), ...fanoutEnd],
  "fanout-grpc": [
    ...cpuPerDelivery,
    over("bare TCP", "cpuUsPerDelivery"),
    over("grpc-js", "cpuUsPerDelivery"),
    ...fanoutEnd,
  ],
  "highest-rate": [
    figure("messages/s", "highestRatePerSecond"),
    figure("deliveries/s", "deliveriesPerSecond"),
    over("bare TCP", "highestRatePerSecond"),
    figure("p99 ms", "p99Us", 1000),
    share("server core", "serverCoreShare"),
    share("load core", "loadCoreShare"),
  ],
  unary: [
    figure("requests/s", "requestsPerSecond"),
    over("grpc-js", "requestsPerSecond"),
    over("connect-node", "requestsPerSecond"),
    figure("CPU µs/request", "cpuUsPerRequest"),
    ...latency,
    ...cores,
  ],
  "redis-nodes": [...cpuPerDelivery, over("bare Redis", "p50Us"), over("Socket.IO, Pub/Sub", "p50Us"), ...fanoutEnd],
  "redis-appends": [
    figure("appends/s", "requestsPerSecond"),
    over("bare XADD, one", "requestsPerSecond"),
    over("bare XADD, 100", "requestsPerSecond"),
    ...latency,
    share("node core", "serverCoreShare"),
    share("Redis core", "redisCoreShare"),
    figure("Redis bytes/message", "redisBytesPerMessage"),
  ],
  presence: [
    figure("entered/s", "enteredPerSecond"),
    figure("count p50 ms", "countP50Us", 1000),
    figure("p99", "countP99Us", 1000),
    figure("page of 100 p50 ms", "pageP50Us", 1000),
    figure("p99", "pageP99Us", 1000),
    figure("Redis bytes/member", "redisBytesPerMember"),
    figure("gone after a kill s", "goneUs", 1_000_000),
  ],
  resume: [
    figure("all live ms", "allLiveUs", 1000),
    figure("p99 ms before", "p99BeforeUs", 1000),
    figure("p99 ms during", "p99DuringUs", 1000),
    share("others", "othersCoreShare"),
  ],
  stalled: [...cpuPerDelivery, figure("RSS KB/stalled reader", "stalledGrowthBytes", 1000), ...fanoutEnd],
  history: [figure("messages/s", "messagesPerSecond"), figure("CPU µs/message", "cpuUsPerMessage"), ...cores],
  memory: [
    figure("connections", "connections"),
    figure("RSS KB/connection", "rssPerConnectionBytes", 1000),
    figure("after a message", "rssPerUsedConnectionBytes", 1000),
    figure("RSS MB before", "rssBeforeBytes", 1_000_000),
  ],
};

/** The whole report as lines of text. */
export function reportLines(
  machine: Machine,
  rounds: number,
  results: readonly CaseResult[],
  goals: readonly Goal[],
): readonly string[] {
  return [...machineLines(machine, rounds), ...results.flatMap(caseLines), ...goalLines(goals), ...noiseLines(results)];
}

/** One run in a few words, for the progress. */
export function summarise(figures: Figures): string {
  if (figures.rssPerConnectionBytes !== undefined)
    return `${formatFigure(figures.rssPerConnectionBytes / 1000)} KB/connection`;
  if (figures.highestRatePerSecond !== undefined)
    return `${formatFigure(figures.highestRatePerSecond)} messages/s to all`;
  if (figures.messagesPerSecond !== undefined) return `${formatFigure(figures.messagesPerSecond)} messages/s`;
  if (figures.allLiveUs !== undefined) return `all live after ${formatFigure(figures.allLiveUs / 1000)} ms`;
  if (figures.enteredPerSecond !== undefined) return `${formatFigure(figures.enteredPerSecond)} entered/s`;
  if (figures.requestsPerSecond !== undefined) return `${formatFigure(figures.requestsPerSecond)} requests/s`;
  if (figures.cpuUsPerDelivery !== undefined) return `${formatFigure(figures.cpuUsPerDelivery)} µs/delivery`;
  return `falls behind: ${formatShare(figures.deliveredShare)} delivered`;
}

function machineLines(machine: Machine, rounds: number): readonly string[] {
  const pinning = machine.pinned ? "server on core 0, load on core 1" : "server and load not pinned: figures vary more";
  return [
    `${machine.cores} cores of ${machine.cpuModel}, ${machine.memoryGiB} GiB; ${machine.kernel}; Node ${machine.node}`,
    `${pinning}; ${rounds === 1 ? "one round" : `medians of ${rounds} rounds`}; loopback`,
    ...(machine.logIsInMemory
      ? ["The temporary folder is in memory: flushes cost nothing here, so durable sends look too good."]
      : []),
  ];
}

function caseLines({ scenario, title, rows }: CaseResult): readonly string[] {
  const shown = columns[scenario];
  const head = ["", ...shown.map((column) => column.head)];
  const body = rows.map((row) => [row.label, ...shown.map((column) => column.cell(row, rows))]);
  const failures = rows.flatMap((row) =>
    [...new Set(row.failures)].map((reason) => `  ${row.label} could not run: ${reason}`),
  );
  return ["", title, ...layOut([head, ...body]), ...failures];
}

function goalLines(goals: readonly Goal[]): readonly string[] {
  return [
    "",
    "Targets",
    ...goals.map(
      (goal) => `${verdictOn(goal).padEnd(12)}  ${goal.claim}${goal.isMet === undefined ? "" : `: ${goal.figure}`}`,
    ),
  ];
}

function verdictOn({ isMet, isNoisy: inNoise }: Goal): string {
  if (isMet === undefined) return "not measured";
  return `${isMet ? "pass" : "MISS"}${inNoise ? " (noisy)" : ""}`;
}

function noiseLines(results: readonly CaseResult[]): readonly string[] {
  const shares = results.flatMap(({ rows }) => rows.map((row) => row.figures.othersCoreShare ?? 0));
  const othersCoreShare = Math.max(0, ...shares);
  if (!isNoisy({ othersCoreShare })) return [];
  return [
    "",
    `Noise: other programs used up to ${formatShare(othersCoreShare)} of a core meanwhile. Repeat this on a quiet machine before you rely on it.`,
  ];
}

function scaled(value: number | undefined, perUnit: number): number | undefined {
  return value === undefined ? undefined : value / perUnit;
}
