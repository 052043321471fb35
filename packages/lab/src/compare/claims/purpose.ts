import type { FigureEntry, FigureName } from "../report/figures.js";
import { differenceFrom, withUnit } from "../report/format.js";
import { bytesOf, contenderOf, contendersOf, entryOf, figureOf, labelOf, webSocketNames } from "../report/lookup.js";
import type { ReportFacts } from "../report/report-facts.js";
import { type Judgement, notMeasured } from "./claim.js";

/** The figures that "performance" stands for. */
const performance = ["p99Ms", "serverCpuUs", "receiveBytes", "sendBytes"] as const satisfies readonly FigureName[];

function standing(facts: ReportFacts, figure: FigureName, { id, estimate, isBest, timesBest }: FigureEntry): string {
  const table = facts.figures.find((each) => each.name === figure);
  const place = isBest ? "best or tied" : `${timesBest.toFixed(2)} times the best`;
  return `${table?.label ?? figure} ${withUnit(estimate.value, table?.unit ?? "")} (${place}${isBest ? "" : `, ${labelOf(facts, table?.entries[0]?.id ?? id)}`})`;
}

/** 11: gRPC is best, or ties with the best, by all figures of performance; by some of them it depends. */
export function grpcForBackends(facts: ReportFacts): Judgement {
  const grpc = contenderOf(facts, "grpc");
  const entries = performance.flatMap((name) => {
    const entry = entryOf(facts, name, grpc?.id);
    return entry === undefined ? [] : [{ name, entry }];
  });
  if (grpc?.facts === undefined || entries.length < performance.length) return notMeasured("gRPC in full");
  const best = entries.filter(({ entry }) => entry.isBest).length;
  const contract = grpc.facts.contract.works ? "The contract is enforced" : "The contract is not enforced";
  const figure = `gRPC: ${entries.map(({ name, entry }) => standing(facts, name, entry)).join("; ")}. ${contract}.`;
  const isAll = best === entries.length && grpc.facts.contract.works;
  return { verdict: isAll ? "held" : best > 0 ? "depends" : "did not hold", figure };
}

/** 12: of all that browsers can speak, a WebSocket is the only one both ways and best by p99, or ties with it. */
export function webSocketsForTheWeb(facts: ReportFacts): Judgement {
  const webSockets = contendersOf(facts, webSocketNames);
  const inBrowsers = facts.contenders.filter((each) => each.inBrowsers && each.addedDelayMs === 0);
  const table = facts.figures.find((each) => each.name === "p99Ms");
  const entries = table?.entries.filter((entry) => inBrowsers.some((each) => each.id === entry.id)) ?? [];
  const [best] = entries;
  const own = entries.find((entry) => webSockets.some((each) => each.id === entry.id));
  if (best === undefined || own === undefined) return notMeasured("the latency of a WebSocket");
  const isBest = own.id === best.id || best.tiesWith.includes(own.id);
  const others = inBrowsers.filter((each) => each.bothWays && !webSockets.some(({ id }) => id === each.id));
  const figure = `p99 of ${labelOf(facts, own.id)}: ${withUnit(own.estimate.value, "ms")}, ${isBest ? `the best that a browser can have, or tied with it (${labelOf(facts, best.id)}, ${withUnit(best.estimate.value, "ms")})` : differenceFrom(own.estimate.value, best.estimate.value, labelOf(facts, best.id))}. Of ${inBrowsers.length} transports for browsers ${others.length === 0 ? "only WebSockets are" : `${others.length} more are`} both ways on one connection.`;
  return { verdict: isBest && others.length === 0 ? "held" : "depends", figure };
}

/** 13: REST with SSE keeps the asked rate at a tail that nobody notices, and the others do not do it at half the cost. */
export function restFirst(facts: ReportFacts): Judgement {
  const rest = contenderOf(facts, "sse");
  const [p99, cpu] = [entryOf(facts, "p99Ms", rest?.id), entryOf(facts, "serverCpuUs", rest?.id)];
  if (rest === undefined || p99 === undefined || cpu === undefined) return notMeasured("SSE and REST");
  const { ratePerSecond } = facts.settings;
  const kept = rest.rounds.kept === rest.rounds.made;
  const send = bytesOf(rest, "send");
  const most = figureOf(facts, "ratePerSecond", rest.id);
  const capacity = most === undefined ? "" : ` It went up to ${withUnit(most, "/s")}.`;
  const figure = `SSE + REST ${kept ? "kept" : "did not keep"} ${ratePerSecond} messages a second, with p99 ${withUnit(p99.estimate.value, "ms")} (${p99.isBest ? "best or tied" : `${p99.timesBest.toFixed(2)} times the best`}), at ${cpu.timesBest.toFixed(2)} times the least server CPU and ${withUnit(send, "B")} for a send.${capacity}`;
  if (!kept || p99.estimate.value > noticedMs) return { verdict: "did not hold", figure };
  return { verdict: cpu.timesBest > dearer ? "depends" : "held", figure };
}

/** Below this nobody notices a delay (Nielsen, Response Times: 0.1 s feels immediate), in milliseconds. */
const noticedMs = 100;
/** From twice the cost on, another transport has earned its place. */
const dearer = 2;
