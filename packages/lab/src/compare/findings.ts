import type { Machine } from "../bench/machine.js";
import type { ByteFigures } from "./measure/bytes.js";
import type { CapacityFigures } from "./measure/capacity.js";
import type { Facts } from "./measure/facts.js";
import type { FanoutFigures } from "./measure/fanout.js";
import type { FirstMessageFigures } from "./measure/first-message.js";
import type { IdleFigures } from "./measure/idle.js";
import type { SerialisationFigures } from "./measure/serialisation.js";
import type { StallFigures } from "./measure/stall.js";
import type { TlsFacts } from "./measure/tls-facts.js";
import type { Contender } from "./transports.js";

/** What was found out about one contender; what could not be, or not yet, is missing. */
export interface ContenderFindings {
  readonly contender: Contender;
  bytes?: ByteFigures;
  firstMessage?: FirstMessageFigures;
  /** How long a newcomer waits for its first message, one for each round; in µs. */
  readonly newcomersUs: number[];
  facts?: Facts;
  stall?: StallFigures;
  /** Rounds at the asked rate; those that did not keep it are among them and are not used elsewhere. */
  readonly rounds: FanoutFigures[];
  /** Runs with other numbers of readers. */
  readonly fanouts: { readonly subscribers: number; readonly rounds: FanoutFigures[] }[];
  /** One search for each of its rounds. */
  readonly capacity: CapacityFigures[];
  /** Each on a server of its own. */
  readonly idle: IdleFigures[];
  /** What went wrong, by the part that it ended. */
  readonly failures: { readonly part: string; readonly reason: string }[];
}

/** Everything that a comparison measured, before anything is concluded from it. */
export interface Findings {
  readonly machine: Machine;
  readonly startedAt: string;
  tookSeconds: number;
  /** Whether the comparison came to its end; if not, parts are missing. */
  isComplete: boolean;
  /** Why it did not come to its end; missing: it did, or it was interrupted. */
  brokenBy?: string;
  /** What a reader of the figures has to know. */
  readonly warnings: string[];
  readonly contenders: readonly ContenderFindings[];
  /** Missing: it was measured in the clear. */
  tls?: TlsFacts;
  serialisation?: SerialisationFigures;
  /** Bytes of one question by REST whether there is news, and of the answer that there is none. */
  emptyPollBytes?: number;
}
