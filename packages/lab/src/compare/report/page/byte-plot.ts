import { type ByteRow, type ByteStep, totalBytes } from "../byte-rows.js";
import { withUnit } from "../format.js";
import type { Report } from "../report.js";
import { gridLine, linearScale, plot, plotWidth, round, text } from "./axis.js";

const rowHeight = 26;
const labelWidth = 190;
const numberWidth = 60;
const top = 26;

/** What bytes are, with the colour that each has in the stacks. */
const parts = [
  { key: "payloadBytes", label: "payload", paint: "var(--c0)" },
  { key: "fieldBytes", label: "other fields, acknowledgement", paint: "var(--c2)" },
  { key: "framingBytes", label: "framing", paint: "var(--c4)" },
  { key: "headBytes", label: "headers", paint: "var(--c1)" },
  { key: "tlsBytes", label: "TLS", paint: "var(--c6)" },
] as const satisfies readonly { readonly key: keyof ByteRow; readonly label: string; readonly paint: string }[];

/** In the clear there is none of the last one, and nobody should look for it. */
function shownParts({ tls }: Report) {
  return parts.filter(({ key }) => key !== "tlsBytes" || tls !== undefined);
}

/** A bar for each contender: the bytes of one step, stacked by what they are. */
export function bytePlot(report: Report, step: ByteStep, title: string): string {
  const rows = report.contenders.flatMap(({ label, bytes }) => {
    const row = bytes.find((each) => each.step === step);
    return row === undefined ? [] : [{ label, row }];
  });
  if (rows.length === 0) return "";
  const scale = linearScale(Math.max(...rows.map(({ row }) => totalBytes(row))), labelWidth, plotWidth - numberWidth);
  const bottom = top + rows.length * rowHeight;
  const grid = scale.ticks.map(
    (bytes) =>
      gridLine(scale.place(bytes), top, scale.place(bytes), bottom) +
      text(scale.place(bytes), bottom + 16, String(bytes), { anchor: "middle", isSoft: true }),
  );
  const bars = rows.map(({ label, row }, index) => {
    const y = top + index * rowHeight;
    let from = 0;
    const stack = shownParts(report).map(({ key, paint, label: part }) => {
      const width = scale.place(from + row[key]) - scale.place(from);
      const x = scale.place(from);
      from += row[key];
      return `<rect x="${round(x)}" y="${y + 4}" width="${round(Math.max(width, 0))}" height="${rowHeight - 8}" fill="${paint}"><title>${part}: ${row[key]} B</title></rect>`;
    });
    return (
      text(0, y + 17, label) +
      stack.join("") +
      text(scale.place(from) + 6, y + 17, withUnit(totalBytes(row), "B"), { isSoft: true })
    );
  });
  return plot(`bytes-${step}`, title, bottom + 22, legend(report) + grid.join("") + bars.join(""));
}

function legend(report: Report): string {
  let x = labelWidth;
  return shownParts(report)
    .map(({ label, paint }) => {
      const at = x;
      x += 24 + label.length * 6.6;
      return `<rect x="${at}" y="4" width="12" height="12" fill="${paint}"/>${text(at + 16, 14, label, { isSoft: true })}`;
    })
    .join("");
}
