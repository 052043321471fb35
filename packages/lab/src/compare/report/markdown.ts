import { totalBytes } from "./byte-rows.js";
import { type FigureName, figureGroups, isTieOfAll } from "./figures.js";
import { apartMark, howToRead, withSpread, withUnit } from "./format.js";
import type { Report } from "./report.js";
import { tlsText } from "./tls-text.js";

/** The figures of a report as tables for a document; bold is the best, and all that tie with it. */
export function markdownLines(report: Report): readonly string[] {
  const { message, machine, settings, serialisation, tls } = report;
  const alone = `${withUnit(message.jsonBytes, "B")} as JSON, ${withUnit(message.protobufBytes, "B")} as Protobuf`;
  const packed =
    serialisation === undefined
      ? ""
      : `; as gzip ${withUnit(serialisation.jsonGzipBytes, "B")} and ${withUnit(serialisation.protobufGzipBytes, "B")}`;
  return [
    `\`${report.command}\`, ${report.startedAt.slice(0, 10)}, ${machine.cores} cores of ${machine.cpuModel}, ${machine.kernel}, Node ${machine.node}: ` +
      `${settings.ratePerSecond} messages/s to ${settings.subscribers} readers, ${settings.rounds} rounds of ${settings.seconds} s. The message: ${alone}${packed}.${tls === undefined ? "" : ` Over TLS: ${tlsText(tls)}.`}`,
    "",
    howToRead(report),
    ...(report.warnings.length === 0 ? [] : ["", "Beware:", ""]),
    ...report.warnings.map((warning) => `- ${warning}`),
    ...figureGroups.flatMap((names) => ["", ...figureRows(report, names)]),
    "",
    ...compressionRows(report),
    "",
    "| claim | | what says so |",
    "|---|---|---|",
    ...report.claims.map(({ number, text, verdict, figure }) => `| ${number}. ${text} | **${verdict}** | ${figure} |`),
  ];
}

function figureRows(report: Report, names: readonly FigureName[]): readonly string[] {
  const shown = names.flatMap((name) => report.figures.find((each) => each.name === name) ?? []);
  const heads = shown.map((table) => {
    const { label, unit } = table;
    return `${unit === "" ? label : `${label}, ${unit}`}${isTieOfAll(table) ? " (a tie)" : ""}`;
  });
  const rows = report.contenders.map(({ id, label }) => {
    const cells = shown.map((table) => {
      const entry = table.entries.find((each) => each.id === id);
      if (entry === undefined) return "–";
      const text = withSpread(entry.estimate, table.unit) + apartMark(entry);
      return entry.isBest && !isTieOfAll(table) ? `**${text}**` : text;
    });
    return `| ${label} | ${cells.join(" | ")} |`;
  });
  return [`| | ${heads.join(" | ")} |`, `|---|${"---|".repeat(shown.length)}`, ...rows];
}

function compressionRows(report: Report): readonly string[] {
  const rows = report.contenders.map(({ label, bytes }) => {
    const all = (step: string): string => {
      const row = bytes.find((each) => each.step === step);
      return row === undefined ? "not offered" : withUnit(totalBytes(row), "B");
    };
    return `| ${label} | ${all("firstSend")} | ${all("send")} | ${all("compressedSend")} |`;
  });
  return ["| | send the first | send one | send one as gzip |", "|---|---|---|---|", ...rows];
}
