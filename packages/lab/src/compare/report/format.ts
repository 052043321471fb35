import { formatFigure } from "../../bench/report/table.js";
import type { Estimate } from "../statistics/estimate.js";

/** A figure and its unit: `0.731 ms`, `13,500 /s`. */
export function withUnit(value: number | undefined, unit: string): string {
  if (value === undefined) return "–";
  if (value === 0) return unit === "" ? "0" : `0 ${unit}`;
  const text =
    unit === "B" || unit === "" ? new Intl.NumberFormat("en").format(Math.round(value)) : formatFigure(value);
  return unit === "" ? text : `${text} ${unit}`;
}

/** A value with its interval, where it has one: `0.73 (0.70–0.81)`. */
export function withSpread({ value, low, high }: Estimate, unit: string): string {
  const bare = (number: number): string => withUnit(number, unit).replace(` ${unit}`, "");
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
