import { gzipSync } from "node:zlib";
import type { BoundSample } from "../sample/bound-sample.js";
import { machineNowUs } from "./clock.js";

/** Nanoseconds for one message, one value for each round. */
export interface SerialisationFigures {
  readonly jsonEncodeNs: readonly number[];
  readonly jsonDecodeNs: readonly number[];
  readonly protobufEncodeNs: readonly number[];
  readonly protobufDecodeNs: readonly number[];
  /** The sample alone. */
  readonly jsonBytes: number;
  readonly protobufBytes: number;
  readonly jsonGzipBytes: number;
  readonly protobufGzipBytes: number;
}

export interface SerialisationJob {
  readonly rounds: number;
  /** How long each of the four is repeated in a round. */
  readonly sliceMs: number;
}

/** Time the sample's encoding and decoding, the four in turns. */
export function measureSerialisation(sample: BoundSample, job: SerialisationJob): SerialisationFigures {
  const { alone } = sample;
  const json = alone.toJson();
  const protobuf = alone.toProtobuf();
  const figures = {
    jsonEncodeNs: [] as number[],
    jsonDecodeNs: [] as number[],
    protobufEncodeNs: [] as number[],
    protobufDecodeNs: [] as number[],
  };
  const jsonBytes = Buffer.from(json);
  const tasks = {
    // To bytes and from bytes, since that is what a socket takes and gives.
    jsonEncodeNs: () => Buffer.from(alone.toJson()),
    jsonDecodeNs: () => alone.fromJson(jsonBytes.toString("utf8")),
    protobufEncodeNs: () => alone.toProtobuf(),
    protobufDecodeNs: () => alone.fromProtobuf(protobuf),
  };
  // The first round warms up.
  for (let round = 0; round <= job.rounds; round += 1) {
    for (const name of ["jsonEncodeNs", "protobufEncodeNs", "jsonDecodeNs", "protobufDecodeNs"] as const) {
      const ns = nsPerCall(tasks[name], job.sliceMs);
      if (round > 0) figures[name].push(ns);
    }
  }
  return {
    ...figures,
    jsonBytes: jsonBytes.length,
    protobufBytes: protobuf.length,
    jsonGzipBytes: gzipSync(jsonBytes).length,
    protobufGzipBytes: gzipSync(protobuf).length,
  };
}

const callsAtOnce = 20;
/** What the last calls gave, so that no compiler finds them useless. */
const kept: unknown[] = [];

/** CPU time and not time: a slice in which another program had the core counts like the others. Collecting garbage counts. */
function nsPerCall(task: () => unknown, sliceMs: number): number {
  const before = process.cpuUsage();
  const startUs = machineNowUs();
  let calls = 0;
  do {
    for (let call = 0; call < callsAtOnce; call += 1) kept[call] = task();
    calls += callsAtOnce;
  } while (machineNowUs() - startUs < sliceMs * 1000);
  const { user, system } = process.cpuUsage(before);
  return ((user + system) * 1000) / calls;
}
