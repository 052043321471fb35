import {
  across,
  axisAround,
  type DecadeAxis,
  dotsPath,
  mediansPath,
  type PlotPlan,
  type PlotPoint,
  placeOf,
  plotField,
  shareOf,
  ticksOf,
} from "./plot-geometry.js";
import { svg } from "./svg.js";
import { type LabTransportName, labTransports } from "./transports.js";

/** A plot for each transport, all on one scale, drawn at most once in a frame of the screen. */
export class LatencyPlots {
  private readonly plots: ReadonlyMap<LabTransportName, LatencyPlot>;
  private lowestMs = Number.POSITIVE_INFINITY;
  private highestMs = 0;
  private isDrawing = false;

  constructor(place: HTMLElement, plan: PlotPlan) {
    this.plots = new Map(labTransports.map(({ name, label }) => [name, new LatencyPlot(name, label, plan)]));
    place.replaceChildren(...[...this.plots.values()].map(({ figure }) => figure));
    this.draw();
  }

  add(name: LabTransportName, place: { readonly round: number; readonly index: number }, ms: number): void {
    this.plots.get(name)?.add(place, ms);
    // A clock of coarse steps may show no time at all; a logarithm has no place for it but the lower end.
    if (ms > 0) this.lowestMs = Math.min(this.lowestMs, ms);
    this.highestMs = Math.max(this.highestMs, ms);
    if (this.isDrawing) return;
    this.isDrawing = true;
    requestAnimationFrame(() => this.draw());
  }

  private draw(): void {
    this.isDrawing = false;
    const axis = axisAround(this.lowestMs, this.highestMs);
    for (const plot of this.plots.values()) plot.draw(axis);
  }
}

class LatencyPlot {
  readonly figure = document.createElement("figure");
  private readonly points: PlotPoint[] = [];
  private readonly grid = svg("g", {});
  private readonly dots = svg("path", { class: "dots" });
  private readonly medians = svg("path", { class: "medians" });
  private readonly image;
  private axis: DecadeAxis | undefined;
  private drawnPoints = 0;

  constructor(
    name: string,
    private readonly label: string,
    private readonly plan: PlotPlan,
  ) {
    const box = `0 0 ${plotField.width} ${plotField.height}`;
    this.image = svg("svg", { viewBox: box, role: "img", "data-plot": name }, this.grid, this.dots, this.medians);
    const caption = document.createElement("figcaption");
    caption.append(label);
    this.figure.append(caption, this.image);
  }

  add(place: { readonly round: number; readonly index: number }, ms: number): void {
    this.points.push({ share: shareOf(place, this.plan), ms });
  }

  draw(axis: DecadeAxis): void {
    const isNewAxis = axis.minMs !== this.axis?.minMs || axis.maxMs !== this.axis.maxMs;
    if (!isNewAxis && this.drawnPoints === this.points.length) return;
    this.drawnPoints = this.points.length;
    if (isNewAxis) this.grid.replaceChildren(...gridOf(axis, this.plan.rounds));
    this.axis = axis;
    this.dots.setAttribute("d", dotsPath(this.points, axis));
    this.medians.setAttribute("d", mediansPath(this.points, this.plan.rounds, axis));
    this.image.setAttribute("aria-label", `Latency by ${this.label}: ${this.points.length} messages`);
  }
}

function gridOf(axis: DecadeAxis, rounds: number): SVGElement[] {
  const { left, right, top, bottom, height } = plotField;
  const ticks = ticksOf(axis).flatMap((ms) => {
    const y = placeOf(ms, axis);
    return [
      svg("line", { class: "grid", x1: left, x2: right, y1: y, y2: y }),
      svg("text", { x: left - 5, y: y + 3.5, "text-anchor": "end" }, String(ms)),
    ];
  });
  const borders = Array.from({ length: rounds - 1 }, (_, index) => {
    const x = across((index + 1) / rounds);
    return svg("line", { class: "grid", x1: x, x2: x, y1: top, y2: bottom, "stroke-dasharray": "2 3" });
  });
  const unit = svg("text", { x: left - 5, y: height - 6, "text-anchor": "end" }, "ms");
  const legend = svg(
    "text",
    { x: right, y: height - 6, "text-anchor": "end" },
    rounds === 1 ? "1 round" : `${rounds} rounds`,
  );
  return [...ticks, ...borders, unit, legend];
}
