import { escaped } from "./html.js";

/** All plots are this wide, in units of their own; the page scales them. */
export const plotWidth = 640;

/** Maps values to places along an axis. */
export interface Scale {
  readonly place: (value: number) => number;
  readonly ticks: readonly number[];
}

export function linearScale(max: number, from: number, to: number): Scale {
  const top = niceCeiling(max);
  const step = top / 4;
  return {
    place: (value) => from + ((to - from) * value) / top,
    ticks: [0, 1, 2, 3, 4].map((index) => index * step),
  };
}

/** `min` and `max` above 0; ticks at the powers of ten between, and at 2 and 5 times them where there are few. */
export function logScale(min: number, max: number, from: number, to: number): Scale {
  const [low, high] = [Math.log10(min), Math.log10(Math.max(max, min * 1.01))];
  const factors = high - low < 2 ? [1, 2, 5] : [1];
  const ticks: number[] = [];
  for (let power = Math.floor(low); power <= Math.floor(high); power += 1)
    ticks.push(...factors.map((factor) => factor * 10 ** power).filter((tick) => tick >= min && tick <= max));
  return {
    place: (value) => from + ((to - from) * (Math.log10(value) - low)) / (high - low),
    ticks,
  };
}

/** The first of these times a power of ten that is not below `value`; each is easy to read in quarters. */
const niceFactors = [1, 1.2, 1.6, 2, 2.4, 3.2, 4, 6, 8, 10];

export function niceCeiling(value: number): number {
  if (!(value > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  return (niceFactors.find((factor) => factor * power >= value) ?? 10) * power;
}

export function text(
  x: number,
  y: number,
  content: string,
  options: { anchor?: "end" | "middle"; isSoft?: boolean } = {},
): string {
  const anchor = options.anchor === undefined ? "" : ` text-anchor="${options.anchor}"`;
  return `<text x="${round(x)}" y="${round(y)}"${anchor}${options.isSoft ? ' class="soft"' : ""}>${escaped(content)}</text>`;
}

export function gridLine(x1: number, y1: number, x2: number, y2: number): string {
  return `<line class="line" x1="${round(x1)}" y1="${round(y1)}" x2="${round(x2)}" y2="${round(y2)}"/>`;
}

/** A colour for each contender, the same in all plots. */
export function colour(index: number): string {
  return `var(--c${index % 8})`;
}

const dashes = ["", "7 3", "2 3", "9 3 2 3", "", "7 3", "2 3", "9 3 2 3"] as const;

/** How a contender's line is drawn: in a colour and a pattern of its own, since not everybody tells eight colours apart. */
export function stroke(index: number): string {
  const dash = dashes[index % 8] ?? "";
  return `stroke="${colour(index)}" stroke-width="2"${dash === "" ? "" : ` stroke-dasharray="${dash}"`}`;
}

/** A contender's mark: circle, square, triangle or diamond, full for the first four and open for the others. */
export function mark(index: number, x: number, y: number): string {
  const fill = index % 8 < 4 ? colour(index) : "var(--ground)";
  const paint = `fill="${fill}" stroke="${colour(index)}" stroke-width="1.5"`;
  const path = (d: string): string => `<path d="M${round(x)} ${round(y)}${d}z" ${paint}/>`;
  switch (index % 4) {
    case 0:
      return `<circle cx="${round(x)}" cy="${round(y)}" r="3.5" ${paint}/>`;
    case 1:
      return path("m-3.2 -3.2h6.4v6.4h-6.4");
    case 2:
      return path("m0 -4.2l4.2 7.4h-8.4");
    default:
      return path("m0 -4.6l4.6 4.6l-4.6 4.6l-4.6 -4.6");
  }
}

export function round(value: number): number {
  return Math.round(value * 10) / 10;
}

/** A whole plot, named for those who do not see it and for the test that looks for it. */
export function plot(name: string, title: string, height: number, content: string): string {
  return `<svg data-plot="${name}" role="img" aria-label="${escaped(title)}" viewBox="0 0 ${plotWidth} ${round(height)}" xmlns="http://www.w3.org/2000/svg">${content}</svg>`;
}
