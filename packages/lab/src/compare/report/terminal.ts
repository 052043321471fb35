import { layOut } from "../../bench/report/table.js";
import { totalBytes } from "./byte-rows.js";
import { failureTexts } from "./failures.js";
import { apartMark, howToRead, withSpread, withUnit } from "./format.js";
import { forWhat, howToAsk, type Recommendation } from "./recommendation.js";
import type { Report } from "./report.js";
import { tlsText } from "./tls-text.js";
import { wrapped } from "./wrap.js";

/** How wide texts are where nobody says how wide the terminal is. */
const usualWidth = 100;

/** What a terminal shows of a report. Texts are wrapped at `width`; tables are as wide as they are. */
export function terminalLines(report: Report, recommendation: Recommendation, width = usualWidth): readonly string[] {
  const { message, settings, tls } = report;
  return [
    ...(report.complete ? [] : ["", ...wrapped(cutText(report), width)]),
    "",
    `${message.title}: ${withUnit(message.jsonBytes, "B")} as JSON, ${withUnit(message.protobufBytes, "B")} as Protobuf`,
    `${counted(settings.ratePerSecond, "message")}/s to ${counted(settings.subscribers, "reader")}, ${counted(settings.rounds, "round")} of ${settings.seconds} s`,
    ...(tls === undefined ? [] : wrapped(`over TLS: ${tlsText(tls)}`, width)),
    ...wrapped(machineText(report), width),
    ...wrapped(`${howToRead(report)} * is the best, or ties with it; (tie): nobody is better beyond the noise.`, width),
    "",
    ...figureLines(report),
    "",
    ...byteLines(report),
    "",
    ...trialLines(report),
    "",
    "Decision matrix",
    ...matrixLines(report, width),
    "",
    "What is said of gRPC and WebSockets",
    ...report.claims.flatMap((claim) => [
      ...wrapped(`${claim.verdict.toUpperCase()}: ${claim.text}`, width, `${String(claim.number).padStart(2)}  `),
      ...wrapped(claim.figure, width, "    "),
    ]),
    ...notes("Beware", report.warnings, width),
    ...notes("Failed", failureTexts(report.contenders), width),
    ...recommendationLines(recommendation, width),
  ];
}

function cutText({ brokenBy }: Report): string {
  const rest = "What follows was measured until then.";
  return brokenBy === undefined ? `INTERRUPTED: ${rest}` : `NOT COMPLETE: ${brokenBy}. ${rest}`;
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? "" : "s"}`;
}

function machineText({ machine }: Report): string {
  const { cores, cpuModel, memoryGiB, kernel, node, pinned } = machine;
  const apart = pinned ? "server and clients on a core each" : "server and clients on whatever core is free";
  return `${counted(cores, "core")} of ${cpuModel}, ${memoryGiB} GiB, ${kernel}, Node ${node}; ${apart}`;
}

/** The decision matrix, a feature after the other: its cells are sentences, and no terminal has room for six of them. */
function matrixLines({ matrix, contenders }: Report, width: number): readonly string[] {
  const label = (id: string): string => contenders.find((each) => each.id === id)?.label ?? id;
  const labelWidth = Math.max(0, ...matrix.flatMap(({ cells }) => cells.map(({ id }) => label(id).length)));
  return matrix.flatMap(({ feature, cells }) => [
    `  ${feature}`,
    ...cells.flatMap(({ id, text }) => wrapped(text, width, `    ${label(id).padEnd(labelWidth)}  `)),
  ]);
}

/** Contenders down, figures across, in two tables so that they fit eighty columns or so. */
function figureLines(report: Report): readonly string[] {
  const short: Readonly<Record<string, string>> = {
    sendBytes: "send B",
    receiveBytes: "receive B",
    setUpBytes: "set-up B",
    roundTrips: "round trips",
    firstMessageMs: "first ms",
    p50Ms: "p50 ms",
    p95Ms: "p95 ms",
    p99Ms: "p99 ms",
    serverCpuUs: "server µs/msg",
    readerCpuUs: "µs/further reader",
    clientCpuUs: "client µs/msg",
    ratePerSecond: "max msgs/s",
    memoryKb: "idle KB",
  };
  const table = (names: readonly string[]): readonly string[] =>
    layOut([
      ["", ...names.map((name) => `${short[name] ?? name}${isTie(report, name) ? " (tie)" : ""}`)],
      ...report.contenders.map(({ id, label }) => [
        label,
        ...names.map((name) => {
          const figure = report.figures.find((each) => each.name === name);
          const entry = figure?.entries.find((each) => each.id === id);
          if (figure === undefined || entry === undefined) return "–";
          return `${withSpread(entry.estimate, figure.unit)}${apartMark(entry)}${entry.isBest && !isTie(report, name) ? "*" : " "}`;
        }),
      ]),
    ]);
  return [
    ...table(["sendBytes", "receiveBytes", "setUpBytes", "roundTrips", "ratePerSecond", "memoryKb"]),
    "",
    ...table(["p50Ms", "p95Ms", "p99Ms", "firstMessageMs"]),
    "",
    ...table(["serverCpuUs", "readerCpuUs", "clientCpuUs"]),
  ];
}

/** Whether nobody is better than anybody by this figure; a mark on all of them would say no more. */
function isTie(report: Report, name: string): boolean {
  return report.figures.find((each) => each.name === name)?.entries.every((entry) => entry.isBest) ?? false;
}

function byteLines(report: Report): readonly string[] {
  const rows = report.contenders.flatMap(({ label, bytes }) =>
    bytes.map((row) => [
      `${label}: ${row.label}`,
      ...[
        row.upBytes,
        row.downBytes,
        totalBytes(row),
        row.payloadBytes,
        row.fieldBytes,
        row.framingBytes,
        row.headBytes,
        ...(report.tls === undefined ? [] : [row.tlsBytes]),
      ].map(String),
    ]),
  );
  const tls = report.tls === undefined ? [] : ["TLS"];
  return layOut([["bytes", "up", "down", "all", "payload", "fields", "framing", "headers", ...tls], ...rows]);
}

function trialLines(report: Report): readonly string[] {
  const yes = (works: boolean | undefined): string => (works === undefined ? "–" : works ? "yes" : "no");
  return layOut([
    [
      "",
      "pushes",
      "refuses",
      "resumes",
      "HTTP/1.1 proxy",
      "with Upgrade",
      "50 sends on",
      "2 rooms on",
      "held by a stall",
    ],
    ...report.contenders.map(({ label, facts, stall }) => [
      label,
      yes(facts?.push.works),
      yes(facts?.contract.works),
      yes(facts?.resume.works),
      yes(facts?.http1Proxy.works),
      yes(facts?.upgradingProxy.works),
      String(facts?.manySends.connections ?? "–"),
      String(stall?.connections ?? "–"),
      stall === undefined ? "–" : stall.isOtherRoomHeld ? `yes, ${Math.round(stall.otherRoomMs)} ms` : "no",
    ]),
  ]);
}

function recommendationLines(recommendation: Recommendation, width: number): readonly string[] {
  const { answer, ranking } = recommendation;
  return [
    "",
    ...wrapped(`${forWhat(recommendation)}: ${answer}`, width),
    ...ranking.flatMap(({ label, unmet, reasons }, index) => [
      ...wrapped(
        `${label}${unmet.length === 0 ? "" : `, without ${unmet.join(", ")}`}`,
        width,
        `${String(index + 1).padStart(2)}. `,
      ),
      ...reasons.flatMap((reason) => wrapped(reason, width, "      ")),
    ]),
    ...howToAsk(recommendation).flatMap((text) => wrapped(text, width)),
  ];
}

function notes(title: string, lines: readonly string[], width: number): readonly string[] {
  return lines.length === 0 ? [] : ["", title, ...lines.flatMap((line) => wrapped(line, width, "- "))];
}
