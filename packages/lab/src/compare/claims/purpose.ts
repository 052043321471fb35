import type { FigureEntry, FigureName } from "../report/figures.js";
import { differenceFrom, withSpread, withUnit } from "../report/format.js";
import { bytesOf, contenderOf, contendersOf, entryOf, labelOf, webSocketNames } from "../report/lookup.js";
import type { ReportFacts } from "../report/report-facts.js";
import { type Judgement, notMeasured, tooFewRounds } from "./claim.js";

/** The figures that "performance" stands for. */
const performance = ["p99Ms", "serverCpuUs", "receiveBytes", "sendBytes"] as const satisfies readonly FigureName[];

function standing(facts: ReportFacts, figure: FigureName, entry: FigureEntry): string {
  const table = facts.figures.find((each) => each.name === figure);
  const best = entry.isBest ? "" : `, ${labelOf(facts, table?.entries[0]?.id ?? entry.id)}`;
  return `${table?.label ?? figure} ${withUnit(entry.estimate.value, table?.unit ?? "")} (${standingOf(entry)}${best})`;
}

/** 11: gRPC is best, or ties with the best, by all figures of performance; by some of them it depends. */
export function grpcForBackends(facts: ReportFacts): Judgement {
  const grpc = contenderOf(facts, "grpc");
  const entries = performance.flatMap((name) => {
    const entry = entryOf(facts, name, grpc?.id);
    return entry === undefined ? [] : [{ name, entry }];
  });
  if (grpc?.facts === undefined || entries.length < performance.length) return notMeasured("gRPC in full");
  if (entries.some(({ entry }) => !entry.isCompared)) return tooFewRounds("gRPC's latency or CPU");
  const best = entries.filter(({ entry }) => entry.isBest).length;
  const contract = grpc.facts.contract.works ? "The contract is enforced" : "The contract is not enforced";
  const figure = `gRPC: ${entries.map(({ name, entry }) => standing(facts, name, entry)).join("; ")}. ${contract}.`;
  const isAll = best === entries.length && grpc.facts.contract.works;
  return { verdict: isAll ? "held" : best > 0 ? "depends" : "did not hold", figure };
}

/** 12: beside what else browsers can speak, a WebSocket is the only one both ways, and best by p99 or tied with it. */
export function webSocketsForTheWeb(facts: ReportFacts): Judgement {
  const webSockets = contendersOf(facts, webSocketNames);
  const isWebSocket = ({ id }: { readonly id: string }): boolean => webSockets.some((each) => each.id === id);
  const inBrowsers = facts.contenders.filter((each) => each.inBrowsers && each.addedDelayMs === 0);
  const table = facts.figures.find((each) => each.name === "p99Ms");
  const entries = table?.entries.filter(({ id }) => inBrowsers.some((each) => each.id === id)) ?? [];
  const [best] = entries;
  const own = entries.find(isWebSocket);
  const other = entries.find((entry) => !isWebSocket(entry));
  if (best === undefined || own === undefined) return notMeasured("the latency of a WebSocket");
  if (other === undefined) return notMeasured("anything else that browsers can speak");
  if (!own.isCompared || !other.isCompared) return tooFewRounds("Latency");
  const isBest = own.id === best.id || best.tiesWith.includes(own.id);
  const bothWays = inBrowsers.filter((each) => each.bothWays && !isWebSocket(each));
  const place = isBest
    ? `the best of what browsers can speak, or tied with it (beside ${labelOf(facts, other.id)}: ${withUnit(other.estimate.value, "ms")})`
    : differenceFrom(own.estimate.value, best.estimate.value, labelOf(facts, best.id));
  const figure = `p99 of ${labelOf(facts, own.id)}: ${withUnit(own.estimate.value, "ms")}, ${place}. Of ${inBrowsers.length} transports for browsers ${bothWays.length === 0 ? "only WebSockets are" : `${bothWays.length} more are`} both ways on one connection.`;
  if (own.estimate.value > noticedMs) return { verdict: "did not hold", figure };
  return { verdict: isBest && bothWays.length === 0 ? "held" : "depends", figure };
}

/** 13: REST with SSE keeps the asked rate at a tail that nobody notices, and the others do not do it at half the cost. */
export function restFirst(facts: ReportFacts): Judgement {
  const rest = contenderOf(facts, "sse");
  if (rest === undefined || rest.rounds.made === 0) return notMeasured("SSE and REST");
  const { ratePerSecond, subscribers } = facts.settings;
  const asked = `${ratePerSecond} messages a second to ${subscribers} readers`;
  const most = entryOf(facts, "ratePerSecond", rest.id);
  const capacity = most === undefined ? "" : ` Its highest rate: ${withSpread(most.estimate, "/s")} /s.`;
  const [p99, cpu] = [entryOf(facts, "p99Ms", rest.id), entryOf(facts, "serverCpuUs", rest.id)];
  if (rest.rounds.kept < rest.rounds.made || p99 === undefined || cpu === undefined) {
    const kept = `SSE + REST kept ${asked} in ${rest.rounds.kept} of ${rest.rounds.made} rounds.`;
    return { verdict: "did not hold", figure: kept + capacity };
  }
  if (!p99.isCompared || !cpu.isCompared) return tooFewRounds("SSE and REST");
  const figure = `SSE + REST kept ${asked}, with p99 ${withUnit(p99.estimate.value, "ms")} (${standingOf(p99)}), ${withUnit(cpu.estimate.value, "µs")} of server CPU for a message (${standingOf(cpu)}) and ${withUnit(bytesOf(rest, "send"), "B")} for a send.${capacity}`;
  if (p99.estimate.value > noticedMs) return { verdict: "did not hold", figure };
  return { verdict: !cpu.isBest && cpu.timesBest > dearer ? "depends" : "held", figure };
}

function standingOf({ isBest, timesBest }: FigureEntry): string {
  return isBest ? "best or tied" : `${timesBest.toFixed(2)} times the best`;
}

/** Below this nobody notices a delay (Nielsen, Response Times: 0.1 s feels immediate), in milliseconds. */
const noticedMs = 100;
/** From twice the cost on, another transport has earned its place. */
const dearer = 2;
