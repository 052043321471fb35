import { median } from "../statistics.js";

/** Lay out rows of text as columns, the first aligned left, the others right, two spaces between. */
export function layOut(rows: readonly (readonly string[])[]): readonly string[] {
  const widths: number[] = [];
  for (const row of rows)
    row.forEach((cell, column) => {
      widths[column] = Math.max(widths[column] ?? 0, cell.length);
    });
  return rows.map((row) =>
    row
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0)))
      .join("  ")
      .trimEnd(),
  );
}

/** A figure with as many digits as it deserves: 0.734, 6.83, 19.7, 478, 13,500. A dash for none. */
export function formatFigure(value: number | undefined): string {
  if (value === undefined) return "–";
  const size = Math.abs(value);
  const decimals = size < 1 ? 3 : size < 10 ? 2 : size < 100 ? 1 : 0;
  return new Intl.NumberFormat("en", { minimumFractionDigits: decimals, maximumFractionDigits: decimals }).format(
    value,
  );
}

/** A ratio: `1.15×`. */
export function formatRatio(value: number | undefined): string {
  return value === undefined ? "–" : `${value.toFixed(2)}×`;
}

/** One digit more than in the tables: a ratio just past a bound must not look like the bound. */
export function formatExactRatio(value: number | undefined): string {
  return value === undefined ? "–" : `${value.toFixed(3)}×`;
}

/** A share of 1 as percent, cut and not rounded, so that only all of it is `100 %`. */
export function formatShare(value: number | undefined): string {
  return value === undefined ? "–" : `${Math.floor(value * 1000) / 10} %`;
}

/** How far rounds lie apart: half the distance between the lowest and the highest, as a share of their median. */
export function formatSpread(values: readonly number[]): string {
  const middle = median(values);
  if (values.length < 2 || middle === undefined || middle === 0) return "";
  const half = (Math.max(...values) - Math.min(...values)) / 2 / Math.abs(middle);
  return ` ±${Math.round(half * 100)} %`;
}
