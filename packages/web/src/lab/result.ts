import type { LabEvent } from "./events.js";
import type { MessageBytes } from "./message-bytes.js";
import type { ResourceFacts } from "./resource-timing.js";
import type { LabSettings } from "./settings.js";
import { type LabTransportName, labTransports } from "./transports.js";
import type { Visit } from "./visit.js";

/** Everything that a comparison has found so far: what the page shows, and what it gives out as JSON. */
export interface LabResult {
  readonly formatVersion: 1;
  readonly url: string;
  readonly startedAt: string;
  /** All rounds of all transports are here. Otherwise it was stopped, still runs, or some failed. */
  readonly isComplete: boolean;
  readonly settings: LabSettings;
  readonly browser: BrowserFacts;
  readonly room?: string;
  /** Shorter times than this the browser's clock does not show. */
  readonly clockStepMs: number;
  readonly transports: readonly TransportResult[];
}

export interface BrowserFacts {
  readonly userAgent: string;
  readonly processors: number;
  /** The page was hidden for some of the time: browsers give less to hidden pages. */
  readonly wasHidden: boolean;
}

export interface TransportResult {
  readonly name: LabTransportName;
  readonly bytes?: MessageBytes;
  /** Of a request that sent a message, where the browser tells. */
  readonly resource?: ResourceFacts;
  readonly rounds: readonly (Visit & { readonly round: number })[];
  /** Why it took no part from then on. */
  readonly failure?: string;
}

/** A comparison that has yet to begin. */
export function emptyResult(start: Pick<LabResult, "url" | "startedAt" | "settings" | "browser">): LabResult {
  const transports = labTransports.map(({ name }) => ({ name, rounds: [] }));
  return { formatVersion: 1, ...start, isComplete: false, clockStepMs: 0, transports };
}

/** The result with what an event adds to it. */
export function withEvent(result: LabResult, event: LabEvent): LabResult {
  switch (event.kind) {
    case "began":
      return { ...result, room: event.room, clockStepMs: event.clockStepMs };
    case "ended":
      return { ...result, isComplete: hasAllRounds(result) };
    case "counted": {
      const { bytes, resource } = event;
      return withTransport(result, event.transport, (before) => ({ ...before, bytes, ...(resource && { resource }) }));
    }
    case "visited": {
      const round = { round: event.round, ...event.visit };
      return withTransport(result, event.transport, (before) => ({ ...before, rounds: [...before.rounds, round] }));
    }
    case "failed":
      return withTransport(result, event.transport, (before) => ({ ...before, failure: event.reason }));
    case "turn":
    case "echo":
      return result;
    default:
      return event satisfies never;
  }
}

/** A transport that failed takes no part any more, and the comparison ends all the same. */
function hasAllRounds({ transports, settings }: LabResult): boolean {
  return transports.every(({ rounds }) => rounds.length === settings.rounds);
}

function withTransport(
  result: LabResult,
  name: LabTransportName,
  change: (before: TransportResult) => TransportResult,
): LabResult {
  const transports = result.transports.map((transport) => (transport.name === name ? change(transport) : transport));
  return { ...result, transports };
}
