import { quantileOf } from "./statistics.js";

/** Where the field of a latency plot lies in it, in units of its own. Wide enough for a phone as it is. */
export const plotField = { width: 320, height: 150, left: 38, right: 314, top: 8, bottom: 128 } as const;

/** A logarithmic axis over whole decades. */
export interface DecadeAxis {
  readonly minMs: number;
  readonly maxMs: number;
}

/** The narrowest axis that has both values on it. Nothing measured: from 1 to 10 ms. */
export function axisAround(lowestMs: number, highestMs: number): DecadeAxis {
  if (!(lowestMs > 0 && highestMs >= lowestMs)) return { minMs: 1, maxMs: 10 };
  const low = Math.floor(Math.log10(lowestMs));
  return { minMs: 10 ** low, maxMs: 10 ** Math.max(Math.ceil(Math.log10(highestMs)), low + 1) };
}

/** What is written along the axis: the decades, and steps between where there is room. */
export function ticksOf({ minMs, maxMs }: DecadeAxis): readonly number[] {
  const decades = Math.round(Math.log10(maxMs / minMs));
  const factors = decades > 3 ? [1] : decades > 1 ? [1, 3] : [1, 2, 5];
  const starts = Array.from({ length: decades }, (_, index) => minMs * 10 ** index);
  return [...starts.flatMap((start) => factors.map((factor) => withoutNoise(start * factor))), withoutNoise(maxMs)];
}

/** How far down in the plot a latency lies; what is off the axis lies at its end. */
export function placeOf(ms: number, { minMs, maxMs }: DecadeAxis): number {
  const share = Math.log10(Math.max(ms, minMs) / minMs) / Math.log10(maxMs / minMs);
  return rounded(plotField.bottom - Math.min(share, 1) * (plotField.bottom - plotField.top));
}

/** One message: its latency, and how far into the whole comparison it was due, from 0 to 1. */
export interface PlotPoint {
  readonly share: number;
  readonly ms: number;
}

/** How far into the comparison a message of a round is; rounds count from 1. */
export function shareOf(place: { readonly round: number; readonly index: number }, plan: PlotPlan): number {
  return (place.round - 1 + (place.index + 0.5) / plan.messagesPerRound) / plan.rounds;
}

export interface PlotPlan {
  readonly rounds: number;
  readonly messagesPerRound: number;
}

/** The path of a dot for each message: each is a line of no length, which its round ends make a dot. */
export function dotsPath(points: readonly PlotPoint[], axis: DecadeAxis): string {
  return points.map(({ share, ms }) => `M${across(share)} ${placeOf(ms, axis)}h0`).join("");
}

/** The path of a line over a round, from 1, at the median of its messages; empty without any. */
export function medianPath(points: readonly PlotPoint[], round: number, rounds: number, axis: DecadeAxis): string {
  const latenciesMs = points.map(({ ms }) => ms);
  const median = quantileOf(latenciesMs, 0.5);
  if (median === undefined) return "";
  return `M${across((round - 1) / rounds)} ${placeOf(median, axis)}H${across(round / rounds)}`;
}

/** How far to the right a share of the comparison lies. */
export function across(share: number): number {
  return rounded(plotField.left + share * (plotField.right - plotField.left));
}

function rounded(units: number): number {
  return Math.round(units * 10) / 10;
}

/** 0.30000000000000004 is 0.3. */
function withoutNoise(value: number): number {
  return Number(value.toPrecision(6));
}
