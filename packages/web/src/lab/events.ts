import type { MessageBytes } from "./message-bytes.js";
import type { ResourceFacts } from "./resource-timing.js";
import type { LabSettings } from "./settings.js";
import type { LabTransportName } from "./transports.js";
import type { Visit } from "./visit.js";

/** What a comparison is told at its start, as it travels to its worker. */
export interface LabOrder {
  /** The server's. */
  readonly url: string;
  readonly settings: LabSettings;
}

/** What a comparison tells as it goes, as it travels from its worker. */
export type LabEvent =
  | { readonly kind: "began"; readonly room: string; readonly clockStepMs: number; readonly turns: number }
  /** A transport's turn: in round 0 its bytes are counted. */
  | { readonly kind: "turn"; readonly transport: LabTransportName; readonly round: number }
  | {
      readonly kind: "counted";
      readonly transport: LabTransportName;
      readonly bytes: MessageBytes;
      readonly resource: ResourceFacts | undefined;
    }
  | {
      readonly kind: "echo";
      readonly transport: LabTransportName;
      readonly round: number;
      readonly index: number;
      readonly latencyMs: number;
    }
  | { readonly kind: "visited"; readonly transport: LabTransportName; readonly round: number; readonly visit: Visit }
  /** The transport takes no part any more. */
  | { readonly kind: "failed"; readonly transport: LabTransportName; readonly reason: string }
  | { readonly kind: "ended" };
