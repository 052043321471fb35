import type { MessageBytes } from "./message-bytes.js";
import type { LabResult } from "./result.js";
import { svg } from "./svg.js";
import { labTransports } from "./transports.js";

const width = 320;
const rowHeight = 34;
const legendHeight = 18;

/** What a message's bytes are for, in the order in which they stand in a bar. */
export const byteParts = [
  { key: "sentBytes", look: "sent", label: "to send" },
  { key: "acknowledgedBytes", look: "answer", label: "answer" },
  { key: "heardBytes", look: "heard", label: "to hear" },
] as const satisfies readonly { readonly key: keyof MessageBytes; readonly look: string; readonly label: string }[];

/** A bar for each transport whose bytes are known. */
export function bytePlot({ transports }: LabResult): SVGElement {
  const rows = labTransports.flatMap(({ name, label, isFetch }) => {
    const bytes = transports.find((transport) => transport.name === name)?.bytes;
    return bytes ? [{ label, isFetch, bytes, total: totalOf(bytes) }] : [];
  });
  const most = Math.max(1, ...rows.map(({ total }) => total));
  const bars = rows.flatMap(({ label, isFetch, bytes, total }, index) => {
    const y = legendHeight + index * rowHeight;
    let x = 0;
    const parts = byteParts.map(({ key, look, label: part }) => {
      const partWidth = (bytes[key] / most) * width;
      const title = svg("title", {}, `${label}, ${part}: ${bytes[key]} bytes`);
      const bar = svg("rect", { class: look, x, y: y + 15, width: partWidth, height: 12 }, title);
      x += partWidth;
      return bar;
    });
    const figure = `${total}${isFetch ? " + headers" : ""}`;
    return [
      svg("text", { class: "label", x: 0, y: y + 11 }, label),
      svg("text", { x: width, y: y + 11, "text-anchor": "end" }, figure),
      ...parts,
    ];
  });
  const legend = byteParts.flatMap(({ look, label }, index) => [
    svg("rect", { class: look, x: index * 80, y: 2, width: 10, height: 10 }),
    svg("text", { x: index * 80 + 14, y: 11 }, label),
  ]);
  const spoken = rows.map(({ label, total, isFetch }) => `${label} ${total}${isFetch ? " and headers" : ""}`);
  return svg(
    "svg",
    {
      viewBox: `0 0 ${width} ${legendHeight + rows.length * rowHeight}`,
      role: "img",
      "data-plot": "bytes",
      "aria-label": `Bytes of one message: ${spoken.join(", ")}`,
    },
    ...legend,
    ...bars,
  );
}

function totalOf(bytes: MessageBytes): number {
  return byteParts.reduce((sum, { key }) => sum + bytes[key], 0);
}
