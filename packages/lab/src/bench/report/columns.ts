import type { RowResult } from "../bench-case.js";
import { type FigureName, fullCoreShare } from "../figures.js";
import { lowestRatePerSecond } from "../load/highest-rate.js";
import { flushLabel } from "../low-rate-case.js";
import type { ScenarioName } from "../options.js";
import { ratiosTo, valuesOf } from "../rounds.js";
import { median } from "../statistics.js";
import { formatFigure, formatRatio, formatShare, formatSpread } from "./table.js";

/** One column of a case's table. */
export interface Column {
  readonly head: string;
  cell(row: RowResult, rows: readonly RowResult[]): string;
}

const figure = (head: string, name: FigureName, perUnit = 1): Column => ({
  head,
  cell: ({ figures }) => formatFigure(scaled(figures[name], perUnit)),
});

/** A figure that a table is about: with how far its rounds lie apart. */
const main = (head: string, name: FigureName, perUnit = 1): Column => ({
  head,
  cell: (row) => formatFigure(scaled(row.figures[name], perUnit)) + formatSpread(valuesOf(row, name)),
});

const share = (head: string, name: FigureName): Column => ({ head, cell: ({ figures }) => formatShare(figures[name]) });

/** This row's figure over the same one of the first row whose label begins with `base`, of each round. */
const over = (base: string, name: FigureName): Column => ({
  head: `÷ ${base}`,
  cell: (row, rows) => {
    const other = rows.find(({ label }) => label.startsWith(base));
    const ratios = other === undefined ? [] : ratiosTo(other, row, name);
    return formatRatio(median(ratios)) + (other === row ? "" : formatSpread(ratios));
  },
});

/** This row's figure over that of the earlier server in the same job, of each round: labels differ by that word alone. */
const overBefore = (name: FigureName): Column => ({
  head: "÷ before",
  cell: (row, rows) => {
    const job = row.label.replace(beforeWord, "");
    const other = rows.find(({ label, target }) => target === "before" && label.replace(beforeWord, "") === job);
    const ratios = other === undefined ? [] : ratiosTo(other, row, name);
    return formatRatio(median(ratios)) + (other === row ? "" : formatSpread(ratios));
  },
});

const beforeWord = /,? before/;

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

const highestRate: Column = {
  head: "messages/s",
  cell: (row) => {
    const { highestRatePerSecond: rate, loadCoreShare = 0 } = row.figures;
    if (rate === 0) return `under ${Math.floor(lowestRatePerSecond)}`;
    const mark = rate !== undefined && loadCoreShare > fullCoreShare ? "≥ " : "";
    return mark + formatFigure(rate) + formatSpread(valuesOf(row, "highestRatePerSecond"));
  },
};

const latency = [figure("p50 ms", "p50Us", 1000), figure("p99 ms", "p99Us", 1000)];
const cpuPerDelivery = [main("CPU µs/delivery", "cpuUsPerDelivery"), figure("of it kernel", "kernelUsPerDelivery")];
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

/** What the table of each kind of case shows. */
export const columns: Record<ScenarioName, readonly Column[]> = {
  "fanout-ws": [...cpuPerDelivery, over("bare TCP", "cpuUsPerDelivery"), over("ws", "cpuUsPerDelivery"), ...fanoutEnd],
  "fanout-grpc": [
    ...cpuPerDelivery,
    over("bare TCP", "cpuUsPerDelivery"),
    over("grpc-js", "cpuUsPerDelivery"),
    ...fanoutEnd,
  ],
  "highest-rate": [
    highestRate,
    figure("deliveries/s", "deliveriesPerSecond"),
    over("bare TCP", "highestRatePerSecond"),
    figure("p99 ms", "p99Us", 1000),
    ...cores,
  ],
  unary: [
    main("requests/s", "requestsPerSecond"),
    over("grpc-js", "requestsPerSecond"),
    over("connect-node", "requestsPerSecond"),
    over("grpc-go", "requestsPerSecond"),
    over("NATS", "requestsPerSecond"),
    overBefore("requestsPerSecond"),
    figure("CPU µs/request", "cpuUsPerRequest"),
    over("bare TCP", "cpuUsPerRequest"),
    ...latency,
    ...cores,
  ],
  "redis-nodes": [...cpuPerDelivery, over("bare Redis", "p50Us"), over("Socket.IO, Pub/Sub", "p50Us"), ...fanoutEnd],
  "redis-appends": [
    main("appends/s", "requestsPerSecond"),
    over("bare XADD, one", "requestsPerSecond"),
    over("bare XADD, 100", "requestsPerSecond"),
    ...latency,
    share("node core", "serverCoreShare"),
    share("Redis core", "redisCoreShare"),
    figure("Redis bytes/message", "redisBytesPerMessage"),
  ],
  presence: [
    main("entered/s", "enteredPerSecond"),
    figure("count p50 ms", "countP50Us", 1000),
    figure("p99", "countP99Us", 1000),
    figure("page of 100 p50 ms", "pageP50Us", 1000),
    figure("p99", "pageP99Us", 1000),
    figure("Redis bytes/member", "redisBytesPerMember"),
    figure("gone after a kill s", "goneUs", 1_000_000),
  ],
  "low-rate": [
    main("CPU µs/message", "cpuUsPerMessage"),
    overBefore("cpuUsPerMessage"),
    over("Centrifugo", "cpuUsPerMessage"),
    figure("send to ack p50 ms", "p50Us", 1000),
    figure("p99 ms", "p99Us", 1000),
    over(flushLabel, "p50Us"),
    ...cores,
  ],
  start: [
    main("s", "startUs", 1_000_000),
    overBefore("startUs"),
    share("server core", "serverCoreShare"),
    share("others", "othersCoreShare"),
  ],
  resume: [
    main("all live ms", "allLiveUs", 1000),
    over("bare TCP", "allLiveUs"),
    figure("CPU µs/message", "cpuUsPerMessage"),
    over("bare TCP", "cpuUsPerMessage"),
    figure("p99 ms before", "p99BeforeUs", 1000),
    figure("during", "p99DuringUs", 1000),
    figure("with all live", "p99AfterUs", 1000),
    ...cores,
    delivered,
  ],
  stalled: [...cpuPerDelivery, main("RSS KB/stalled reader", "stalledGrowthBytes", 1000), ...fanoutEnd],
  attack: [
    figure("others' p50 ms", "p50Us", 1000),
    main("others' p99 ms", "p99Us", 1000),
    main("RSS MB at most", "rssPeakBytes", 1_000_000),
    figure("attacker's answers/s", "requestsPerSecond"),
    share("server core", "serverCoreShare"),
    delivered,
  ],
  history: [
    main("messages/s", "messagesPerSecond"),
    overBefore("messagesPerSecond"),
    over("bare Redis", "messagesPerSecond"),
    figure("CPU µs/message", "cpuUsPerMessage"),
    over("bare TCP", "cpuUsPerMessage"),
    ...cores,
  ],
  folded: [
    main("p50 ms", "p50Us", 1000),
    figure("p99 ms", "p99Us", 1000),
    figure("CPU µs/page", "cpuUsPerRequest"),
    ...cores,
  ],
  "hooks-unary": [
    main("CPU µs/request", "cpuUsPerRequest"),
    over("Confab before hooks", "cpuUsPerRequest"),
    over("Confab in a program, no hook", "cpuUsPerRequest"),
    figure("requests/s", "requestsPerSecond"),
    ...latency,
    ...cores,
  ],
  "hooks-fanout": [
    ...cpuPerDelivery,
    over("Confab before hooks", "cpuUsPerDelivery"),
    over("Confab in a program, no hook", "cpuUsPerDelivery"),
    ...fanoutEnd,
  ],
  memory: [
    figure("connections", "connections"),
    main("RSS KB/connection", "rssPerConnectionBytes", 1000),
    figure("after a message", "rssPerUsedConnectionBytes", 1000),
    figure("RSS MB before", "rssBeforeBytes", 1_000_000),
  ],
};

function scaled(value: number | undefined, perUnit: number): number | undefined {
  return value === undefined ? undefined : value / perUnit;
}
