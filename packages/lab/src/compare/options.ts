import type { Sample } from "./sample/sample.js";
import type { Contender } from "./transports.js";

/** What a comparison is to compare, and how long it may take. */
export interface CompareOptions {
  readonly contenders: readonly Contender[];
  readonly sample: Sample;
  /** What the report calls the message. */
  readonly sampleTitle: string;
  /** The type in `.proto` syntax, if there is one to show. */
  readonly schemaText?: string | undefined;
  /** Readers of the room that latency is measured in. */
  readonly subscribers: number;
  readonly ratePerSecond: number;
  /** How long each round of each contender is measured. */
  readonly seconds: number;
  readonly rounds: number;
  readonly isQuick: boolean;
  /** Measure over TLS: with a certificate of the lab's own, and clients that trust it. */
  readonly isTls: boolean;
  /** Decides the order of turns. */
  readonly seed: number;
  /** The command line that was given, for the report. */
  readonly command: string;
}

/** How long the parts of a comparison may take; a quick one has two minutes for everything. */
export interface Plan {
  readonly warmUpMs: number;
  readonly measureMs: number;
  /** Readers in the runs that show the processor's time against them. */
  readonly fanouts: readonly number[];
  readonly fanoutRounds: number;
  readonly fanoutMs: number;
  /** Searches for the highest rate; with fewer than four, rates are not compared. */
  readonly capacityRounds: number;
  readonly capacityStepMs: number;
  readonly capacityBudgetMs: number;
  readonly maxP99Ms: number;
  readonly idleConnections: number;
  /** Servers that idle connections are opened to; with fewer than four, memory is not compared. */
  readonly idleRounds: number;
  readonly serialisation: { readonly rounds: number; readonly sliceMs: number };
}

/** The default rounds: the least that the rule for ties can work with, or enough for it to bear a disturbed one. */
export const defaultRounds = { quick: 5, full: 9 } as const;
export const defaultSeconds = { quick: 0.8, full: 2 } as const;
export const defaultSubscribers = 10;
export const defaultRatePerSecond = 200;

export function planFor({ isQuick, seconds, subscribers }: CompareOptions): Plan {
  const fanouts = [...new Set([1, subscribers, subscribers * 5])].toSorted((a, b) => a - b);
  const measureMs = seconds * 1000;
  return {
    warmUpMs: isQuick ? 100 : 500,
    measureMs,
    fanouts,
    fanoutRounds: isQuick ? 1 : 4,
    fanoutMs: isQuick ? 600 : 1_500,
    capacityRounds: isQuick ? 1 : 5,
    capacityStepMs: isQuick ? 300 : 500,
    capacityBudgetMs: isQuick ? 2_000 : 4_500,
    maxP99Ms: 50,
    idleConnections: isQuick ? 1_000 : 2_000,
    idleRounds: isQuick ? 1 : 4,
    serialisation: isQuick ? { rounds: 9, sliceMs: 20 } : { rounds: 9, sliceMs: 100 },
  };
}
