import { formatPosition, type Position } from "@confab/contract";
import type { Encoding, RoomId, Run } from "../../core/index.js";
import type { MessageJson } from "../../service/index.js";

// One event is lines of `field: value` and an empty line (HTML standard, "Server-sent events"). A value never holds a line
// break here: JSON escapes them.

/** A comment: the client ignores it, and the proxies on the way see a connection in use. */
export const heartbeat: Uint8Array = Buffer.from(":\n\n");

/**
 * An event without data: it is not given to the page, and its id counts when the client comes back ("Server-sent events",
 * dispatching).
 */
export function idAlone(position: Position): Uint8Array {
  return Buffer.from(`id: ${formatPosition(position)}\n\n`);
}

export interface SseEvent {
  /** None: `message`, which is what `EventSource.onmessage` hears. */
  readonly name?: string;
  /** What the client gives as `Last-Event-ID` when it comes back: the position, as a rule. */
  readonly id?: string;
  /** How long the client should wait before it comes back, in milliseconds. */
  readonly retryMs?: number;
  readonly json: string;
}

export function eventText({ name, id, retryMs, json }: SseEvent): string {
  const retry = retryMs === undefined ? "" : `retry: ${retryMs}\n`;
  const event = name === undefined ? "" : `event: ${name}\n`;
  const idLine = id === undefined ? "" : `id: ${id}\n`;
  return `${retry}${event}${idLine}data: ${json}\n\n`;
}

/** A run of messages as events: the same bytes for every stream that reads the room. */
export class EventMessages implements Encoding {
  readonly name = "sse";

  constructor(private readonly json: MessageJson) {}

  encode(_room: RoomId, epoch: number, run: Run): Uint8Array {
    let text = "";
    for (const entry of run.entries) {
      const id = formatPosition({ epoch, offset: entry.offset });
      text += eventText({ id, json: this.json.of(epoch, entry) });
    }
    return Buffer.from(text);
  }
}
