import type { Machine } from "../../bench/machine.js";
import type { Claim } from "../claims/claim.js";
import { judgeClaims } from "../claims/claims.js";
import type { ContenderFindings, Findings } from "../findings.js";
import type { CompareOptions } from "../options.js";
import { bindSample } from "../sample/bound-sample.js";
import { estimateOf } from "../statistics/estimate.js";
import { bucketCount } from "../statistics/histogram.js";
import { median } from "../statistics/samples.js";
import { transports } from "../transports.js";
import { byteRows } from "./byte-rows.js";
import { figureNames, figureTable, keptRounds } from "./figures.js";
import { type MatrixRow, matrixRows } from "./matrix.js";
import type { ContenderReport, MessageReport, ReportFacts } from "./report-facts.js";

/** What `--json` writes, and what the terminal and the page are made of. A change of meaning changes `schema`. */
export interface Report extends ReportFacts {
  readonly schema: "confab-compare/2";
  /** False: the comparison did not come to its end, and what follows is what there was until then. */
  readonly complete: boolean;
  /** Why it is not complete; missing: it is, or it was interrupted. */
  readonly brokenBy?: string | undefined;
  readonly startedAt: string;
  readonly tookSeconds: number;
  readonly command: string;
  readonly machine: Machine;
  readonly warnings: readonly string[];
  readonly matrix: readonly MatrixRow[];
  readonly claims: readonly Claim[];
}

/** Conclude from what was found. */
export function createReport(options: CompareOptions, findings: Findings): Report {
  const { subscribers, ratePerSecond, seconds, rounds, isQuick, seed } = options;
  const { alone } = bindSample(options.sample);
  const json = alone.toJson();
  const message = {
    title: options.sampleTitle,
    json,
    schema: options.schemaText,
    jsonBytes: Buffer.byteLength(json),
    protobufBytes: alone.toProtobuf().length,
  };
  const facts = {
    contenders: findings.contenders.map((found) => contenderReport(found, message, subscribers)),
    figures: figureNames.map((name) => figureTable(name, findings.contenders)),
    tls: findings.tls,
    serialisation: findings.serialisation,
    emptyPollBytes: findings.emptyPollBytes,
    message,
    settings: { subscribers, ratePerSecond, seconds, rounds, quick: isQuick, seed },
  };
  return {
    schema: "confab-compare/2",
    complete: findings.isComplete,
    brokenBy: findings.brokenBy,
    startedAt: findings.startedAt,
    tookSeconds: findings.tookSeconds,
    command: options.command,
    machine: findings.machine,
    warnings: findings.warnings,
    ...facts,
    matrix: matrixRows(facts),
    claims: judgeClaims(facts),
  };
}

function contenderReport(found: ContenderFindings, message: MessageReport, subscribers: number): ContenderReport {
  const { contender, facts, stall, capacity, failures } = found;
  const { http, codec, inBrowsers, bothWays } = transports[contender.transport];
  const isJson = codec === "json" || codec === "json-frames";
  const kept = keptRounds(found);
  const histogram = new Array<number>(bucketCount).fill(0);
  for (const round of kept)
    round.histogram.forEach((count, bucket) => {
      histogram[bucket] = (histogram[bucket] ?? 0) + count;
    });
  return {
    ...contender,
    http,
    codec,
    inBrowsers,
    bothWays,
    bytes: found.bytes === undefined ? [] : byteRows(found.bytes, isJson ? message.jsonBytes : message.protobufBytes),
    facts,
    stall,
    latencyHistogram: histogram,
    cpuByFanout: cpuByFanout([...found.fanouts, { subscribers, rounds: kept }]),
    memory: memoryByConnections(found.idle),
    capacity,
    runs: found.rounds.map(({ histogram: _pooled, ...run }) => run),
    rounds: { made: found.rounds.length, kept: kept.length },
    failures,
  };
}

function cpuByFanout(runs: ContenderFindings["fanouts"]): ContenderReport["cpuByFanout"] {
  return runs
    .toSorted((a, b) => a.subscribers - b.subscribers)
    .flatMap(({ subscribers, rounds }) => {
      const kept = rounds.filter((round) => round.keptRate);
      const server = estimateOf(kept.map((round) => round.serverCpuUsPerMessage));
      const client = estimateOf(kept.map((round) => round.clientCpuUsPerMessage));
      return server === undefined || client === undefined ? [] : [{ subscribers, server, client }];
    });
}

function memoryByConnections(idle: ContenderFindings["idle"]): ContenderReport["memory"] {
  const counts = idle[0]?.points.map(({ connections }) => connections) ?? [];
  return counts.map((connections, index) => ({
    connections,
    grownBytes: median(idle.map(({ points }) => (points[index]?.rssBytes ?? 0) - (points[0]?.rssBytes ?? 0))),
  }));
}
