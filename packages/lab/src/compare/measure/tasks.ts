import type { Sample } from "../sample/sample.js";
import type { Contender } from "../transports.js";
import type { ByteFigures, ByteJob } from "./bytes.js";
import type { CapacityFigures, CapacityJob } from "./capacity.js";
import type { Facts, FactsJob } from "./facts.js";
import type { FanoutFigures, FanoutJob } from "./fanout.js";
import type { FirstMessageFigures } from "./first-message.js";
import type { IdleFigures, IdleJob } from "./idle.js";
import type { SerialisationFigures, SerialisationJob } from "./serialisation.js";
import type { StallFigures, StallJob } from "./stall.js";

/** What a client process is started with; it lives as long as the comparison, so that it is warm in every round alike. */
export interface ClientIdentity {
  readonly contender: Contender;
  readonly sample: Sample;
  /** Certificates in PEM that vouch for the server, over TLS; undefined: clear text. */
  readonly ca?: string | undefined;
}

/** Everything that a client process can be asked for, and what it answers. */
export interface Tasks {
  bytes: { job: ByteJob; result: ByteFigures };
  firstMessage: { job: { readonly port: number; readonly room: string }; result: FirstMessageFigures };
  /** One newcomer, in µs. */
  newcomer: { job: { readonly port: number; readonly room: string }; result: number };
  fanout: { job: FanoutJob; result: FanoutFigures };
  capacity: { job: CapacityJob; result: CapacityFigures };
  idle: { job: IdleJob; result: IdleFigures };
  facts: { job: FactsJob; result: Facts };
  stall: { job: StallJob; result: StallFigures };
  emptyPoll: { job: { readonly port: number; readonly room: string }; result: number };
  serialisation: { job: SerialisationJob; result: SerialisationFigures };
}

export type TaskName = keyof Tasks;

/** One line of a client process's input; `task` counts them from 1. */
export type TaskRequest = {
  [Name in TaskName]: { readonly task: number; readonly name: Name; readonly job: Tasks[Name]["job"] };
}[TaskName];

/** One line of a client process's output, with the number of the request that it answers. */
export type TaskAnswer = { readonly task: number } & ({ readonly result: unknown } | { readonly failure: string });
