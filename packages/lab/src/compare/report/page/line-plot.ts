import { formatFigure } from "../../../bench/report/table.js";
import { colour, gridLine, linearScale, plot, plotWidth, round, type Scale, text } from "./axis.js";

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
const legendRowHeight = 18;

/** Lines of one figure against another, with their spread where it is known. */
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
  const drawn = known.map(({ points, index, label }) => {
    const places = points.map((point) => `${round(x.place(point.x))},${round(y.place(point.y))}`);
    const spread = points.map(({ x: at, low, high }) =>
      low === undefined || high === undefined
        ? ""
        : `<line x1="${round(x.place(at))}" x2="${round(x.place(at))}" y1="${round(y.place(low))}" y2="${round(y.place(high))}" stroke="${colour(index)}" stroke-opacity="0.5"/>`,
    );
    const dots = points.map(
      (point, number) =>
        `<circle cx="${places[number]?.split(",")[0]}" cy="${places[number]?.split(",")[1]}" r="3" fill="${colour(index)}"><title>${label}: ${formatFigure(point.y)}</title></circle>`,
    );
    return `<polyline points="${places.join(" ")}" fill="none" stroke="${colour(index)}" stroke-width="2"/>${spread.join("")}${dots.join("")}`;
  });
  const legendTop = height + 58;
  const legend = known.map(({ label, index }, number) => {
    const [at, row] = [left + (number % 2) * 290, legendTop + Math.floor(number / 2) * legendRowHeight];
    return `<rect x="${at}" y="${row - 10}" width="12" height="12" fill="${colour(index)}"/>${text(at + 18, row, label)}`;
  });
  const total = legendTop + Math.ceil(known.length / 2) * legendRowHeight;
  return plot(name, title, total, grid.join("") + drawn.join("") + legend.join(""));
}

function formatTick(value: number): string {
  return new Intl.NumberFormat("en", { maximumSignificantDigits: 3 }).format(value);
}
