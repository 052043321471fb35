import { ConfabError, type Limits } from "@confab/contract";
import type { Clock, RoomId, Subscription } from "../../core/index.js";
import type { Caller } from "./caller.js";
import { subjectsOf } from "./caller-rates.js";
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
 * change, while they live. They are looked at once a second, and whenever something was revoked or changed. Their number
 * is bounded for each user and address.
 */
export class LiveCallers {
  private readonly connections = new Map<LiveConnection, number>();
  private readonly readers = new Set<LiveReader>();
  /** Callers of connections: what these read is part of the connection. */
  private readonly ofConnections = new Set<Caller>();
  /** By subject; of streams those of the last look, and those that have begun since. */
  private counts = new Map<string, number>();

  constructor(
    private readonly clock: Clock,
    private readonly limits: Pick<Limits, "requestTimeoutMs" | "maxConnectionsByUser" | "maxConnectionsByAddress">,
  ) {}

  /**
   * Why a caller may open no more; undefined when it may, and on a connection that is counted already.
   *
   * TOO_MANY_CONNECTIONS.
   */
  refusalOf(caller: Caller): ConfabError | undefined {
    if (this.ofConnections.has(caller)) return undefined;
    const { user, address } = subjectsOf(caller);
    const { maxConnectionsByUser, maxConnectionsByAddress } = this.limits;
    if (user !== undefined && (this.counts.get(user) ?? 0) >= maxConnectionsByUser)
      return tooMany(user, `maxConnectionsByUser is ${maxConnectionsByUser}`);
    if (address !== undefined && (this.counts.get(address) ?? 0) >= maxConnectionsByAddress)
      return tooMany(address, `maxConnectionsByAddress is ${maxConnectionsByAddress}`);
    return undefined;
  }

  addConnection(connection: LiveConnection): void {
    this.connections.set(connection, this.clock.monotonicMs());
    this.ofConnections.add(connection.caller);
    count(this.counts, connection.caller);
  }

  deleteConnection(connection: LiveConnection): void {
    this.connections.delete(connection);
    this.ofConnections.delete(connection.caller);
  }

  /** A subscription that has begun. It is forgotten by itself when it is over. */
  addReader(caller: Caller, room: RoomId, subscription: Subscription): void {
    this.readers.add({ caller, room, subscription });
    if (!this.ofConnections.has(caller)) count(this.counts, caller);
  }

  /** End what may not go on. Connections come first: those that end take their subscriptions along. */
  check(): void {
    const nowMs = this.clock.nowMs();
    const strangersBeforeMs = this.clock.monotonicMs() - this.limits.requestTimeoutMs;
    const counts = new Map<string, number>();
    for (const [connection, sinceMs] of [...this.connections]) {
      const { principal } = connection.caller;
      const refusal = principal.refusal(nowMs);
      // A client may open a connection first and show its token in a frame.
      if (refusal && (!isStranger(principal) || sinceMs <= strangersBeforeMs)) connection.end(refusal);
      else count(counts, connection.caller);
    }
    for (const reader of this.readers) {
      const { caller, room, subscription } = reader;
      if (subscription.state === "closed") {
        this.readers.delete(reader);
        continue;
      }
      const refusal = caller.principal.refusal(nowMs) ?? readRefusal(caller, room);
      if (refusal) subscription.end(refusal);
      else if (!this.ofConnections.has(caller)) count(counts, caller);
    }
    this.counts = counts;
  }
}

function count(counts: Map<string, number>, caller: Caller): void {
  for (const subject of Object.values(subjectsOf(caller)))
    if (subject !== undefined) counts.set(subject, (counts.get(subject) ?? 0) + 1);
}

function tooMany(subject: string, limit: string): ConfabError {
  const text = `${subject} has too many connections and streams; ${limit}`;
  return new ConfabError("TOO_MANY_CONNECTIONS", text, { retryAfterMs: 1_000 });
}

function readRefusal({ principal }: Caller, room: RoomId): ConfabError | undefined {
  if (principal.may("read", room)) return undefined;
  return new ConfabError("PERMISSION_DENIED", `read is not allowed any more in room ${room}`);
}
