import { formatFigure } from "../../../bench/report/table.js";
import { colour, gridLine, linearScale, mark, plot, plotWidth, round, type Scale, stroke, text } from "./axis.js";
import { escaped, htmlTable } from "./html.js";

export interface Line {
  readonly label: string;
  /** Which contender it is, for its colour. */
  readonly index: number;
  readonly points: readonly { readonly x: number; readonly y: number; readonly low?: number; readonly high?: number }[];
}

export interface LinePlotOptions {
  readonly name: string;
  readonly title: string;
  readonly xLabel: string;
  readonly yLabel: string;
  /** Along the bottom; made for a width from `left` to `right`. */
  readonly xScale: (from: number, to: number) => Scale;
  /** Up the side, for values up to `max`; linear from 0 if undefined. */
  readonly yScale?: ((from: number, to: number) => Scale) | undefined;
}

const height = 260;
const left = 52;
const right = plotWidth - 24;
const top = 24;

/** Lines of one figure against another, with their spread where it is known; below them what each is, and the numbers. */
export function linePlot(
  lines: readonly Line[],
  { name, title, xLabel, yLabel, xScale, yScale }: LinePlotOptions,
): string {
  const known = lines.filter((line) => line.points.length > 0);
  if (known.length === 0) return "";
  const x = xScale(left, right);
  const most = Math.max(...known.flatMap((line) => line.points.map((point) => point.high ?? point.y)));
  const y = yScale?.(height, top) ?? linearScale(most, height, top);
  const grid = [
    ...y.ticks.map(
      (tick) =>
        gridLine(left, y.place(tick), right, y.place(tick)) +
        text(left - 6, y.place(tick) + 4, formatTick(tick), { anchor: "end", isSoft: true }),
    ),
    ...x.ticks.map((tick) => text(x.place(tick), height + 18, formatTick(tick), { anchor: "middle", isSoft: true })),
    text(0, 12, yLabel, { isSoft: true }),
    text(right, height + 36, xLabel, { anchor: "end", isSoft: true }),
  ];
  const drawn = known.map(({ points, index }) => {
    const places = points.map((point) => [round(x.place(point.x)), round(y.place(point.y))] as const);
    const spread = points.map(({ x: at, low, high }) =>
      low === undefined || high === undefined
        ? ""
        : `<line x1="${round(x.place(at))}" x2="${round(x.place(at))}" y1="${round(y.place(low))}" y2="${round(y.place(high))}" stroke="${colour(index)}" stroke-opacity="0.5"/>`,
    );
    const way = places.map((place) => place.join(",")).join(" ");
    return `<polyline points="${way}" fill="none" ${stroke(index)}/>${spread.join("")}${places.map((place) => mark(index, ...place)).join("")}`;
  });
  const axes = plot(name, title, height + 42, grid.join("") + drawn.join(""));
  return `<div class="wide">${axes}</div>${legendOf(known)}${detailsOf(known, { xLabel, yLabel })}`;
}

/** Beside the plot and not in it: on a phone the plot scrolls, and what its lines are must not scroll away. */
function legendOf(lines: readonly Line[]): string {
  const items = lines.map(
    ({ label, index }) =>
      `<li><svg viewBox="0 0 36 12" aria-hidden="true"><line x1="1" x2="35" y1="6" y2="6" ${stroke(index)}/>${mark(index, 18, 6)}</svg>${escaped(label)}</li>`,
  );
  return `<ul class="legend">${items.join("")}</ul>`;
}

/** The same in numbers, for whoever does not see the plot, or wants to know exactly. */
function detailsOf(lines: readonly Line[], { xLabel, yLabel }: Pick<LinePlotOptions, "xLabel" | "yLabel">): string {
  const places = [...new Set(lines.flatMap(({ points }) => points.map((point) => point.x)))].toSorted((a, b) => a - b);
  const rows = lines.map(({ label, points }) => [
    escaped(label),
    ...places.map((place) => formatFigure(points.find((point) => point.x === place)?.y)),
  ]);
  const heads = places.map((place) => escaped(`${formatTick(place)} ${xLabel}`));
  return `<details><summary>${escaped(yLabel)}, in numbers</summary>${htmlTable(["", ...heads], rows)}</details>`;
}

function formatTick(value: number): string {
  return new Intl.NumberFormat("en", { maximumSignificantDigits: 3 }).format(value);
}
