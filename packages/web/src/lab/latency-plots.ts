import {
  across,
  axisAround,
  type DecadeAxis,
  dotsPath,
  medianPath,
  type PlotPlan,
  type PlotPoint,
  placeOf,
  plotField,
  shareOf,
  ticksOf,
} from "./plot-geometry.js";
import { svg } from "./svg.js";
import { type LabTransportName, labTransports } from "./transports.js";

/** How long new messages may wait to be drawn: drawing takes processors that the comparison needs too. */
const drawIntervalMs = 100;

/** A plot for each transport, all on one scale. */
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
    setTimeout(() => requestAnimationFrame(() => this.draw()), drawIntervalMs);
  }

  /** Draw what has come, at once. */
  draw(): void {
    this.isDrawing = false;
    const axis = axisAround(this.lowestMs, this.highestMs);
    for (const plot of this.plots.values()) plot.draw(axis);
  }
}

class LatencyPlot {
  readonly figure = document.createElement("figure");
  private readonly grid = svg("g", {});
  private readonly rounds: readonly RoundMarks[];
  private readonly image;
  private axis: DecadeAxis | undefined;

  constructor(
    name: string,
    private readonly label: string,
    private readonly plan: PlotPlan,
  ) {
    this.rounds = Array.from({ length: plan.rounds }, (_, index) => new RoundMarks(index + 1, plan));
    const marks = this.rounds.flatMap(({ dots, median }) => [dots, median]);
    const box = `0 0 ${plotField.width} ${plotField.height}`;
    this.image = svg("svg", { viewBox: box, role: "img", "data-plot": name }, this.grid, ...marks);
    const caption = document.createElement("figcaption");
    caption.append(label);
    this.figure.append(caption, this.image);
  }

  add(place: { readonly round: number; readonly index: number }, ms: number): void {
    this.rounds[place.round - 1]?.add({ share: shareOf(place, this.plan), ms });
  }

  draw(axis: DecadeAxis): void {
    const isNewAxis = axis.minMs !== this.axis?.minMs || axis.maxMs !== this.axis.maxMs;
    if (isNewAxis) this.grid.replaceChildren(...gridOf(axis, this.plan.rounds));
    this.axis = axis;
    for (const round of this.rounds) round.draw(axis, isNewAxis);
    const messages = this.rounds.reduce((sum, { count }) => sum + count, 0);
    this.image.setAttribute("aria-label", `Latency by ${this.label}: ${messages} messages`);
  }
}

/** What is drawn of one round. Rounds that are over need not be drawn again. */
class RoundMarks {
  readonly dots = svg("path", { class: "dots" });
  readonly median = svg("path", { class: "median" });
  private readonly points: PlotPoint[] = [];
  private drawnPoints = 0;

  constructor(
    private readonly round: number,
    private readonly plan: PlotPlan,
  ) {}

  get count(): number {
    return this.points.length;
  }

  add(point: PlotPoint): void {
    this.points.push(point);
  }

  draw(axis: DecadeAxis, isNewAxis: boolean): void {
    if (!isNewAxis && this.drawnPoints === this.points.length) return;
    this.drawnPoints = this.points.length;
    this.dots.setAttribute("d", dotsPath(this.points, axis));
    this.median.setAttribute("d", medianPath(this.points, this.round, this.plan.rounds, axis));
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
