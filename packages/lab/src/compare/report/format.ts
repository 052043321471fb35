import { formatFigure } from "../../bench/report/table.js";
import { confidenceOfRounds, type Estimate } from "../statistics/estimate.js";
import type { FigureEntry } from "./figures.js";
import type { ReportFacts } from "./report-facts.js";

/** A figure and its unit: `0.731 ms`, `13,500 /s`. */
export function withUnit(value: number | undefined, unit: string): string {
  if (value === undefined) return "–";
  if (value === 0) return unit === "" ? "0" : `0 ${unit}`;
  const text =
    unit === "B" || unit === "" ? new Intl.NumberFormat("en").format(Math.round(value)) : formatFigure(value);
  return unit === "" ? text : `${text} ${unit}`;
}

/** A value with its interval, where it has one: `0.73 (0.70–0.81)`; `≥ 7,800` has no upper end, `< 250` no lower one. */
export function withSpread({ value, low, high, isOpen = false }: Estimate, unit: string): string {
  const bare = (number: number): string => withUnit(number, unit).replace(` ${unit}`, "");
  if (isOpen) return `≥ ${bare(value)}`;
  if (value === 0 && high > 0) return `< ${bare(high)}`;
  return low === high ? bare(value) : `${bare(value)} (${bare(low)}–${bare(high)})`;
}

/** By how much `a` is above or below `b`: `31 % less`, `2.4 times as much`. */
export function difference(a: number, b: number): string {
  if (b === 0) return "not comparable with nothing";
  const share = a / b;
  if (share >= 2) return `${share.toFixed(1)} times as much`;
  const percent = Math.round(Math.abs(share - 1) * 100);
  if (percent === 0) return "as much";
  return `${percent} % ${share < 1 ? "less" : "more"}`;
}

/** The same with the other one's name: `31 % less than gRPC`. */
export function differenceFrom(a: number, b: number, name: string): string {
  const text = difference(a, b);
  return `${text} ${text.endsWith("much") ? "as" : "than"} ${name}`;
}

/** What the figures and their brackets are, for above a table. */
export function howToRead({ settings, figures }: ReportFacts): string {
  const { rounds } = settings;
  const apart = figures.some(({ entries }) => entries.some((entry) => apartMark(entry) !== ""));
  return [
    `Medians of ${rounds} round${rounds === 1 ? "" : "s"}`,
    rounds === 1
      ? "."
      : `, in brackets where the median lies with ${Math.floor(1000 * confidenceOfRounds(rounds)) / 10} % confidence; of the highest rate, what was kept and what was not.`,
    apart
      ? " †: too few rounds, or another job (a plain WebSocket's send has no acknowledgement), so not compared."
      : "",
  ].join("");
}

/** Marks a figure that is compared with none. */
export function apartMark({ isCompared }: FigureEntry): string {
  return isCompared ? "" : " †";
}
