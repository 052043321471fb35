import type { CapacityFigures } from "../measure/capacity.js";
import type { Facts } from "../measure/facts.js";
import type { FanoutFigures } from "../measure/fanout.js";
import type { SerialisationFigures } from "../measure/serialisation.js";
import type { StallFigures } from "../measure/stall.js";
import type { TlsFacts } from "../measure/tls-facts.js";
import type { Estimate } from "../statistics/estimate.js";
import type { CodecName, TransportName } from "../transports.js";
import type { ByteRow } from "./byte-rows.js";
import type { FigureTable } from "./figures.js";

/** The part of a report that conclusions are drawn from. */
export interface ReportFacts {
  readonly settings: {
    readonly subscribers: number;
    readonly ratePerSecond: number;
    readonly seconds: number;
    readonly rounds: number;
    readonly quick: boolean;
    /** What decided the order of turns. */
    readonly seed: number;
  };
  /** What TLS was agreed on; missing: measured in the clear. */
  readonly tls?: TlsFacts | undefined;
  readonly message: MessageReport;
  readonly contenders: readonly ContenderReport[];
  readonly figures: readonly FigureTable[];
  readonly serialisation?: SerialisationFigures | undefined;
  /** Bytes of asking by REST whether there is news, and of the answer that there is none. */
  readonly emptyPollBytes?: number | undefined;
}

export interface MessageReport {
  readonly title: string;
  readonly json: string;
  /** The type in `.proto` syntax, if it was made here or given. */
  readonly schema?: string | undefined;
  readonly jsonBytes: number;
  readonly protobufBytes: number;
}

export interface ContenderReport {
  readonly id: string;
  readonly label: string;
  readonly transport: TransportName;
  readonly http: "1.1" | "2";
  readonly codec: CodecName;
  readonly inBrowsers: boolean;
  readonly bothWays: boolean;
  readonly addedDelayMs: number;
  readonly bytes: readonly ByteRow[];
  readonly facts?: Facts | undefined;
  readonly stall?: StallFigures | undefined;
  /** All rounds together: messages per bucket of `bucketStartUs`. */
  readonly latencyHistogram: readonly number[];
  /** For a message that is sent once and delivered to that many. */
  readonly cpuByFanout: readonly {
    readonly subscribers: number;
    readonly server: Estimate;
    readonly client: Estimate;
  }[];
  /** Medians over the servers that it was measured on. */
  readonly memory: readonly { readonly connections: number; readonly grownBytes: number }[];
  /** Every search for the highest rate. */
  readonly capacity: readonly CapacityFigures[];
  /** Every round at the asked rate, also those that did not keep it and are not used elsewhere. */
  readonly runs: readonly Omit<FanoutFigures, "histogram">[];
  /** Rounds that were made, and those of them that kept the rate. */
  readonly rounds: { readonly made: number; readonly kept: number };
  readonly failures: readonly { readonly part: string; readonly reason: string }[];
}
