import { type TransportName, transports } from "../transports.js";
import { withSpread, withUnit } from "./format.js";
import { byteRowOf, contenderOf, entryOf, figureOf } from "./lookup.js";
import type { ContenderReport, ReportFacts } from "./report-facts.js";

/** One feature of the decision matrix; each cell holds what was measured or tried. */
export interface MatrixRow {
  readonly feature: string;
  readonly cells: readonly { readonly id: string; readonly text: string }[];
}

const columns = [
  "grpc",
  "grpc-web",
  "connect-json",
  "websocket",
  "websocket-proto",
  "sse",
] as const satisfies TransportName[];

const features: readonly (readonly [feature: string, cell: (own: ContenderReport, facts: ReportFacts) => string])[] = [
  ["Protocol", protocolCell],
  ["Payload", payloadCell],
  ["Browser support", browserCell],
  ["State", stateCell],
  ["Primary goal: efficiency", efficiencyCell],
  ["Primary goal: contract", contractCell],
  ["Primary goal: real-time push", pushCell],
];

/** The matrix of the usual comparison, with a figure or a test in each cell. */
export function matrixRows(facts: ReportFacts): readonly MatrixRow[] {
  const contenders = columns.flatMap((name) => contenderOf(facts, name) ?? []);
  return features.map(([feature, cell]) => ({
    feature,
    cells: contenders.map((own) => ({ id: own.id, text: cell(own, facts) })),
  }));
}

function protocolCell(own: ContenderReport, facts: ReportFacts): string {
  const trips = figureOf(facts, "roundTrips", own.id);
  const head = byteRowOf(own, "send")?.headBytes;
  const after = transports[own.transport].carrier === "websocket" ? ", then frames" : "";
  return `HTTP/${own.http}${after}; ${trips ?? "?"} round trips to the first message, ${withUnit(head, "B")} of headers for a send`;
}

function payloadCell(own: ContenderReport, facts: ReportFacts): string {
  const isJson = own.codec === "json" || own.codec === "json-frames";
  const { jsonBytes, protobufBytes } = facts.message;
  return `${isJson ? "JSON" : "Protobuf"}: ${withUnit(isJson ? jsonBytes : protobufBytes, "B")}; ${withUnit(figureOf(facts, "receiveBytes", own.id), "B")} on the wire to receive one`;
}

function browserCell(own: ContenderReport): string {
  const { facts } = own;
  if (facts === undefined) return "not tried";
  const plain = facts.http1Proxy.works ? "works" : "does not work";
  const upgrading = facts.upgradingProxy.works === facts.http1Proxy.works ? "" : "; works where Upgrade is passed on";
  return `${own.inBrowsers ? "yes" : "no (fetch shows no trailers)"}; ${plain} behind an HTTP/1.1 proxy${upgrading}`;
}

function stateCell(own: ContenderReport, facts: ReportFacts): string {
  const memory = entryOf(facts, "memoryKb", own.id);
  const resume = own.facts?.resume.works ? "resumes on another connection" : "does not resume";
  return `${withUnit(memory?.estimate.value, "KB")} of the server for an idle reader; ${resume}`;
}

function efficiencyCell(own: ContenderReport, facts: ReportFacts): string {
  const cpu = entryOf(facts, "serverCpuUs", own.id);
  const reader = figureOf(facts, "readerCpuUs", own.id);
  const most = entryOf(facts, "ratePerSecond", own.id);
  return [
    `${withUnit(cpu?.estimate.value, "µs")} of server CPU for a message to ${facts.settings.subscribers} readers${cpu?.isBest ? " (best or tied)" : ""}`,
    ...(reader === undefined ? [] : [`${withUnit(reader, "µs")} for each further reader`]),
    ...(most === undefined ? [] : [`highest rate ${withSpread(most.estimate, "/s")} /s`]),
  ].join("; ");
}

function contractCell(own: ContenderReport): string {
  if (own.facts === undefined) return "not tried";
  return own.facts.contract.works ? "a wrong message is refused" : `not enforced: ${own.facts.contract.seen}`;
}

function pushCell(own: ContenderReport, facts: ReportFacts): string {
  const p99 = entryOf(facts, "p99Ms", own.id);
  const ways = own.bothWays ? "both ways" : "one way, sends are calls";
  return `p50 ${withUnit(figureOf(facts, "p50Ms", own.id), "ms")}, p99 ${withUnit(p99?.estimate.value, "ms")}${p99?.isBest ? " (best or tied)" : ""}; ${ways}`;
}
