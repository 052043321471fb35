import { limits } from "@confab/contract";
import type { CaseId, CaseResult } from "./bench-case.js";
import { type Figures, isNoisy } from "./figures.js";
import type { Goal } from "./goal.js";
import { judgeRatios } from "./ratio-goals.js";
import { formatExactRatio, formatFigure, formatShare } from "./report/table.js";
import { ratio } from "./statistics.js";
import { judgeTies } from "./tie-goals.js";

const webSocketForms = ["Confab plain", "Confab JSON frames", "Confab Protobuf frames"] as const;

const maxFloorRatio = 1.15;
/** One node is not slower than Redis's own client on the same core. */
const minAppendRatio = 1;
/** Thousands, not multiples of 1,024: the stricter reading of "15 KB". */
const maxIdleBytes = 15_000;

const maxResumeRatio = 1.5;
const maxStalledRatio = 1.05;
const minHistoryRate = 200_000;
const maxFoldedMs = 20;
const maxGoneS = 30;
const maxOthersP99Ms = 100;

/** Hold the results against the targets. */
export function judgeGoals(results: readonly CaseResult[]): readonly Goal[] {
  const figures = (id: CaseId, label: string): Figures =>
    results.find((result) => result.id === id)?.rows.find((row) => row.label === label)?.figures ?? {};
  return [
    ...webSocketForms.map((form) => floorGoal(form, figures("ws-100", form), figures("ws-100", "bare TCP"))),
    ...webSocketForms.map((form) => keepsUpGoal(form, figures("ws-2000", form))),
    grpcGoal(figures("grpc-50", "Confab"), figures("grpc-50", "grpc-js")),
    memoryGoal(figures("memory-ws", "Confab plain")),
    ...["Confab Protobuf frames", "Confab gRPC"].map((form) => resumeGoal(form, figures("resume", form))),
    ...["Protobuf frames", "gRPC"].flatMap((form) =>
      stalledGoals(form, figures("stalled", `${form}, alone`), figures("stalled", `${form}, beside stalled`)),
    ),
    ...["pages of history", "pages of rooms", "600 unread pages"].map((attack) =>
      attackGoal(attack, figures("attack", `Confab beside ${attack}`)),
    ),
    historyGoal(figures("history", "Confab, StreamMessages")),
    goneGoal(figures("presence", "Confab")),
    ...["one", "100"].map((rooms) => appendsGoal(rooms, (label) => figures("redis-appends", label))),
    ...["newest", "oldest"].map((page) => foldedGoal(page, figures("folded", `Confab, ${page} page`))),
    ...judgeRatios(results),
    ...judgeTies(results),
  ];
}

function floorGoal(form: string, confab: Figures, floor: Figures): Goal {
  const value = ratio(confab.cpuUsPerDelivery, floor.cpuUsPerDelivery);
  return {
    claim: `WebSocket fan-out, 1,000 × 100/s, ${form}: CPU per delivery ≤ ${maxFloorRatio} × bare TCP`,
    figure: formatExactRatio(value),
    // A server that fell behind has no cost per delivery, and it has missed.
    isMet: value === undefined ? unmeasuredOrMissed(confab) : value <= maxFloorRatio,
    isNoisy: isNoisy(confab) || isNoisy(floor),
  };
}

function keepsUpGoal(form: string, confab: Figures): Goal {
  return {
    claim: `WebSocket fan-out, 500 × 2,000/s, ${form}: keeps up`,
    figure: formatShare(confab.deliveredShare),
    isMet: confab.deliveredShare === undefined ? undefined : confab.deliveredShare === 1,
    isNoisy: isNoisy(confab),
  };
}

function grpcGoal(confab: Figures, peer: Figures): Goal {
  const value = ratio(confab.cpuUsPerDelivery, peer.cpuUsPerDelivery);
  return {
    claim: "gRPC server-stream fan-out, 1,000 × 50/s: CPU per delivery < grpc-js",
    figure: formatExactRatio(value),
    isMet: value === undefined ? unmeasuredOrMissed(confab) : value < 1,
    isNoisy: isNoisy(confab) || isNoisy(peer),
  };
}

function appendsGoal(rooms: string, figuresOf: (label: string) => Figures): Goal {
  const confab = figuresOf(`Confab, ${rooms === "one" ? "one room" : `${rooms} rooms`}`);
  const bare = figuresOf(`bare XADD, ${rooms === "one" ? "one stream" : `${rooms} streams`}`);
  const value = ratio(confab.requestsPerSecond, bare.requestsPerSecond);
  return {
    claim: `Appends through one node to Redis, ${rooms} room${rooms === "one" ? "" : "s"}: rate ≥ ${minAppendRatio} × pipelined XADD`,
    figure: formatExactRatio(value),
    isMet: value === undefined ? undefined : value >= minAppendRatio,
    isNoisy: isNoisy(confab) || isNoisy(bare),
  };
}

function goneGoal({ goneUs }: Figures): Goal {
  return {
    claim: `Members of a node that is killed are gone after ≤ ${maxGoneS} s`,
    figure: `${formatFigure(goneUs === undefined ? undefined : goneUs / 1_000_000)} s`,
    isMet: goneUs === undefined ? undefined : goneUs <= maxGoneS * 1_000_000,
    // It is a matter of waiting.
    isNoisy: false,
  };
}

function memoryGoal(confab: Figures): Goal {
  const bytes = confab.rssPerConnectionBytes;
  return {
    claim: `Idle WebSockets: RSS per connection ≤ ${maxIdleBytes / 1000} KB`,
    figure: `${formatFigure(bytes === undefined ? undefined : bytes / 1000)} KB`,
    isMet: bytes === undefined ? undefined : bytes <= maxIdleBytes,
    // Memory does not hurry.
    isNoisy: false,
  };
}

/** Not against before: a message to 1,100 readers takes longer than one to 100, in whichever way they came back. */
function resumeGoal(form: string, confab: Figures): Goal {
  const value = ratio(confab.p99DuringUs, confab.p99AfterUs);
  return {
    claim: `1,000 readers back at once, ${form}: p99 of live readers ≤ ${maxResumeRatio} × what it is with all of them live`,
    figure: formatExactRatio(value),
    isMet: value === undefined ? unmeasuredOrMissed(confab) : value <= maxResumeRatio,
    isNoisy: isNoisy(confab),
  };
}

function stalledGoals(form: string, alone: Figures, beside: Figures): readonly Goal[] {
  const cost = ratio(beside.cpuUsPerDelivery, alone.cpuUsPerDelivery);
  const bytes = beside.stalledGrowthBytes;
  const inNoise = isNoisy(alone) || isNoisy(beside);
  return [
    {
      claim: `900 readers beside 100 stalled, ${form}: CPU per delivery ≤ ${maxStalledRatio} × alone`,
      figure: formatExactRatio(cost),
      isMet: cost === undefined ? unmeasuredOrMissed(beside) : cost <= maxStalledRatio,
      isNoisy: inNoise,
    },
    {
      claim: `100 stalled readers, ${form}: RSS growth each ≤ maxQueuedBytes`,
      figure: `${formatFigure(bytes === undefined ? undefined : bytes / 1000)} KB`,
      isMet: bytes === undefined ? undefined : bytes <= limits.maxQueuedBytes.fallback,
      // Memory does not hurry.
      isNoisy: false,
    },
  ];
}

function attackGoal(attack: string, confab: Figures): Goal {
  const p99Ms = confab.p99Us === undefined ? undefined : confab.p99Us / 1000;
  return {
    claim: `WebSockets beside a client that asks for ${attack}: p99 ≤ ${maxOthersP99Ms} ms`,
    figure: `${formatFigure(p99Ms)} ms`,
    isMet: p99Ms === undefined ? unmeasuredOrMissed(confab) : p99Ms <= maxOthersP99Ms,
    // Other programs than the attacker were not looked for.
    isNoisy: false,
  };
}

function historyGoal(confab: Figures): Goal {
  const rate = confab.messagesPerSecond;
  return {
    claim: `Reading history by StreamMessages: ≥ ${minHistoryRate / 1000},000 messages/s`,
    figure: `${formatFigure(rate)}/s`,
    isMet: rate === undefined ? undefined : rate >= minHistoryRate,
    isNoisy: isNoisy(confab),
  };
}

function foldedGoal(page: string, confab: Figures): Goal {
  const p50Ms = confab.p50Us === undefined ? undefined : confab.p50Us / 1000;
  return {
    claim: `A folded page of a room of 100,000 messages with 10,000 edits, the ${page}: p50 ≤ ${maxFoldedMs} ms`,
    figure: `${formatFigure(p50Ms)} ms`,
    isMet: p50Ms === undefined ? undefined : p50Ms <= maxFoldedMs,
    isNoisy: isNoisy(confab),
  };
}

function unmeasuredOrMissed(confab: Figures): boolean | undefined {
  return confab.deliveredShare !== undefined && confab.deliveredShare < 1 ? false : undefined;
}
