import { describeMachine } from "../../bench/machine.js";
import type { ContenderFindings, Findings } from "../findings.js";
import type { WireBytes } from "../measure/bytes.js";
import type { Facts, Trial } from "../measure/facts.js";
import type { FanoutFigures } from "../measure/fanout.js";
import type { CompareOptions } from "../options.js";
import { defaultSample } from "../sample/sample.js";
import { contendersFrom } from "../transports.js";

/** What a test says of one contender; everything else is as for all the others. */
export interface Made {
  readonly p50Us?: readonly number[];
  readonly p99Us?: readonly number[];
  readonly serverCpuUs?: readonly number[];
  readonly receive?: WireBytes;
  readonly facts?: Partial<Facts>;
  readonly lateRounds?: number;
  readonly rounds?: number;
  readonly capacity?: ContenderFindings["capacity"];
  /** Server CPU per message with 1, and with 50 readers. */
  readonly fanouts?: readonly [number, number];
}

const yes: Trial = { works: true, seen: "it did" };
export const no: Trial = { works: false, seen: "it did not" };

/** Five rounds that are the same to within 2 %. */
export function around(value: number): readonly number[] {
  return [0.99, 1, 1.01, 1, 0.99].map((factor) => factor * value);
}

export function wireBytes(upBytes: number, downBytes: number, headBytes = 0): WireBytes {
  const bodyBytes = upBytes + downBytes - headBytes - 4;
  return { upBytes, downBytes, headBytes, bodyBytes, framingBytes: 4, tlsBytes: 0 };
}

/** Findings as a quiet machine would give them, in which only what a test says differs between contenders. */
export function madeFindings(made: Readonly<Record<string, Made>>): Findings {
  return {
    machine: describeMachine(),
    startedAt: "2026-01-01T00:00:00.000Z",
    tookSeconds: 1,
    isComplete: true,
    warnings: [],
    contenders: contendersFrom(Object.keys(made).join()).map((contender) => ({
      ...madeContender(made[contender.id] ?? {}),
      contender,
    })),
    serialisation: {
      jsonEncodeNs: around(500),
      jsonDecodeNs: around(500),
      protobufEncodeNs: around(1_000),
      protobufDecodeNs: around(1_000),
      jsonBytes: 126,
      protobufBytes: 109,
      jsonGzipBytes: 120,
      protobufGzipBytes: 110,
    },
    emptyPollBytes: 300,
  };
}

function madeContender({
  p50Us,
  p99Us,
  serverCpuUs,
  receive,
  facts,
  lateRounds = 0,
  rounds = 5,
  capacity,
  fanouts,
}: Made): Omit<ContenderFindings, "contender"> {
  const [p50, p99, cpu] = [p50Us ?? around(500), p99Us ?? around(2_000), serverCpuUs ?? around(50)];
  const bytes = wireBytes(150, 50);
  return {
    bytes: {
      readerSetUp: wireBytes(200, 200, 200),
      firstSend: bytes,
      steadySend: bytes,
      firstReceive: bytes,
      steadyReceive: receive ?? wireBytes(0, 200),
      compressedSend: undefined,
    },
    firstMessage: { roundTrips: 2 },
    newcomersUs: [...around(1_000)],
    facts: {
      push: yes,
      contract: yes,
      resume: yes,
      http1Proxy: yes,
      upgradingProxy: yes,
      manySends: { ...yes, connections: 1 },
      ...facts,
    },
    stall: { connections: 1, stallMs: 300, otherRoomMs: 301, isOtherRoomHeld: true },
    rounds: p50
      .slice(0, rounds)
      .map((value, index) => round(value, p99[index] ?? 0, cpu[index] ?? 0, index >= lateRounds)),
    fanouts: (fanouts ?? []).map((serverCpuUs, index) => ({
      subscribers: index === 0 ? 1 : 50,
      rounds: around(serverCpuUs).map((each) => round(500, 2_000, each, true)),
    })),
    capacity: capacity ?? [{ ratePerSecond: 1_000, failedRatePerSecond: 1_200, clientCoreShare: 0.5, steps: 5 }],
    idle: around(4_096).map((bytes) => ({
      points: [0, 100, 200, 300, 400].map((connections) => ({ connections, rssBytes: connections * bytes })),
    })),
    failures: [],
  };
}

function round(p50: number, p99: number, serverCpuUsPerMessage: number, keptRate: boolean): FanoutFigures {
  return {
    expected: 100,
    delivered: keptRate ? 100 : 60,
    keptRate,
    fellBehindUs: 0,
    latencyUs: { p50, p95: p99, p99 },
    histogram: [],
    serverCpuUsPerMessage,
    clientCpuUsPerMessage: 50,
    clientCoreShare: 0.1,
    othersCoreShare: 0,
  };
}

/** The options that those findings belong to. */
export const madeOptions: CompareOptions = {
  contenders: [],
  sample: defaultSample,
  sampleTitle: "made",
  subscribers: 10,
  ratePerSecond: 200,
  seconds: 1,
  rounds: 5,
  isQuick: true,
  isTls: false,
  seed: 1,
  command: "confab compare",
};
