import { formatFigure } from "../../../bench/report/table.js";
import { bucketStartUs } from "../../statistics/histogram.js";
import { entryOf } from "../lookup.js";
import type { Report } from "../report.js";
import { colour, gridLine, logScale, plot, plotWidth, round, text } from "./axis.js";

const rowHeight = 44;
const labelWidth = 190;
const top = 8;

/** A ridge for each contender: how many messages took how long, on a logarithmic scale; marks at p50 and p99. */
export function latencyPlot(report: Report): string {
  const rows = report.contenders.filter((each) => each.latencyHistogram.some((count) => count > 0));
  const used = rows.flatMap((each) => each.latencyHistogram.flatMap((count, bucket) => (count > 0 ? [bucket] : [])));
  if (used.length === 0) return "";
  const [first, last] = [Math.min(...used), Math.max(...used) + 1];
  const scale = logScale(bucketStartUs(first), bucketStartUs(last), labelWidth, plotWidth - 8);
  const bottom = top + rows.length * rowHeight;
  const grid = scale.ticks.map(
    (us) =>
      gridLine(scale.place(us), top, scale.place(us), bottom) +
      text(scale.place(us), bottom + 16, `${formatTick(us / 1000)} ms`, { anchor: "middle", isSoft: true }),
  );
  const ridges = rows.map((contender, index) => {
    const base = top + (index + 1) * rowHeight - 6;
    const most = Math.max(...contender.latencyHistogram);
    const points = contender.latencyHistogram.slice(first, last).flatMap((count, offset) => {
      const y = round(base - (count / most) * (rowHeight - 14));
      const [from, to] = [bucketStartUs(first + offset), bucketStartUs(first + offset + 1)];
      return [`${round(scale.place(from))},${y}`, `${round(scale.place(to))},${y}`];
    });
    const ends = [
      `${round(scale.place(bucketStartUs(first)))},${base}`,
      `${round(scale.place(bucketStartUs(last)))},${base}`,
    ];
    const paint = colour(report.contenders.indexOf(contender));
    const ridge = `<polygon points="${[ends[0], ...points, ends[1]].join(" ")}" fill="${paint}" fill-opacity="0.35" stroke="${paint}"/>`;
    const marks = (["p50Ms", "p99Ms"] as const).map((name) => {
      const value = entryOf(report, name, contender.id)?.estimate.value;
      if (value === undefined) return "";
      const x = round(scale.place(Math.min(Math.max(value * 1000, bucketStartUs(first)), bucketStartUs(last))));
      return `<line x1="${x}" x2="${x}" y1="${base - rowHeight + 16}" y2="${base}" stroke="${paint}" stroke-width="2"/>`;
    });
    const p50 = entryOf(report, "p50Ms", contender.id)?.estimate.value;
    const p99 = entryOf(report, "p99Ms", contender.id)?.estimate.value;
    return (
      text(0, base - 14, contender.label) +
      text(0, base, `p50 ${formatFigure(p50)}, p99 ${formatFigure(p99)} ms`, { isSoft: true }) +
      ridge +
      marks.join("")
    );
  });
  return plot("latency", "Distribution of latencies", bottom + 22, grid.join("") + ridges.join(""));
}

function formatTick(ms: number): string {
  return ms >= 1 ? String(Math.round(ms * 10) / 10) : String(Math.round(ms * 1000) / 1000);
}
