import { ConfabError } from "@confab/contract";
import type { Clock, RoomId, Subscription } from "../../core/index.js";
import type { Caller } from "./caller.js";
import { isStranger } from "./principal.js";

/** A connection of many requests: it ends as a whole, whatever it reads. */
export interface LiveConnection {
  readonly caller: Caller;
  /** Tell the client why, and close. */
  end(error: ConfabError): void;
}

interface LiveReader {
  readonly caller: Caller;
  readonly room: RoomId;
  readonly subscription: Subscription;
}

/**
 * What lives on a permission that was given once: connections and subscriptions. A token expires or is revoked, and rules
 * change, while they live. They are looked at once a second, and whenever something was revoked or changed.
 */
export class LiveCallers {
  private readonly connections = new Map<LiveConnection, number>();
  private readonly readers = new Set<LiveReader>();

  constructor(
    private readonly clock: Clock,
    /** How long a connection may stay without a token, in milliseconds. */
    private readonly strangerTimeoutMs: number,
  ) {}

  addConnection(connection: LiveConnection): void {
    this.connections.set(connection, this.clock.monotonicMs());
  }

  deleteConnection(connection: LiveConnection): void {
    this.connections.delete(connection);
  }

  /** A subscription that has begun. It is forgotten by itself when it is over. */
  addReader(caller: Caller, room: RoomId, subscription: Subscription): void {
    this.readers.add({ caller, room, subscription });
  }

  /** End what may not go on. Connections come first: those that end take their subscriptions along. */
  check(): void {
    const nowMs = this.clock.nowMs();
    const strangersBeforeMs = this.clock.monotonicMs() - this.strangerTimeoutMs;
    for (const [connection, sinceMs] of [...this.connections]) {
      const { principal } = connection.caller;
      const refusal = principal.refusal(nowMs);
      // A client may open a connection first and show its token in a frame.
      if (refusal && (!isStranger(principal) || sinceMs <= strangersBeforeMs)) connection.end(refusal);
    }
    for (const reader of this.readers) {
      const { caller, room, subscription } = reader;
      if (subscription.state === "closed") {
        this.readers.delete(reader);
        continue;
      }
      const refusal = caller.principal.refusal(nowMs) ?? readRefusal(caller, room);
      if (refusal) subscription.end(refusal);
    }
  }
}

function readRefusal({ principal }: Caller, room: RoomId): ConfabError | undefined {
  if (principal.may("read", room)) return undefined;
  return new ConfabError("PERMISSION_DENIED", `read is not allowed any more in room ${room}`);
}
