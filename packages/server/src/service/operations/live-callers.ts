import { ConfabError, type Limits } from "@confab/contract";
import type { Clock, RoomId, Subscription, Turns } from "../../core/index.js";
import { type Caller, charged } from "./caller.js";
import { type CountedAs, LiveCounts } from "./live-counts.js";
import { isStranger, type Principal, refusalOfName } from "./principal.js";

/** A connection of many requests: it ends as a whole, whatever it reads. */
export interface LiveConnection {
  readonly caller: Caller;
  /** Tell the client why, and close. */
  end(error: ConfabError): void;
}

/** A subscription from before it begins until it is over. */
export interface LiveReader {
  /** It has begun; it is forgotten by itself when it is over. */
  began(subscription: Subscription): void;
  /** It does not begin. Called instead of `began`. */
  closed(): void;
}

export interface LiveCallersDeps {
  readonly clock: Clock;
  readonly turns: Pick<Turns, "afterTurn">;
  readonly limits: Pick<Limits, "requestTimeoutMs" | "maxConnectionsByUser" | "maxConnectionsByAddress">;
}

/** Permissions looked at before the event loop gets a turn: about half a millisecond. */
const looksPerTurn = 1_000;

/** To end a connection or a subscription costs as much as so many looks: an error is encoded and written. */
const looksPerEnd = 20;

interface Reader {
  readonly caller: Caller;
  readonly room: RoomId;
  /** The name that it reads under; empty: none. */
  readonly user: string;
  /** Undefined: it has not begun. */
  subscription: Subscription | undefined;
}

interface Connection {
  readonly connection: LiveConnection;
  readonly sinceMs: number;
  countedAs: CountedAs;
  readonly readers: Set<Reader>;
}

/**
 * What lives on a permission that was given once: connections and subscriptions. A token expires or is revoked, and rules
 * change, while they live. They are looked at once a second, and whenever something was revoked or changed. Their number
 * is bounded for each user and address.
 *
 * A round of looks goes in slices around a ring: what is asked for during a round only moves its end, so every round ends,
 * and a change is followed by a look at everything that was there before it.
 */
export class LiveCallers {
  /** The ring. What a connection reads is part of the connection; other readers stand for themselves. */
  private readonly live = new Set<Connection | Reader>();
  private cursor: Iterator<Connection | Reader> = [].values();
  /** What the round has still to look at. */
  private left = 0;
  private isUnderWay = false;
  private readonly byCaller = new Map<Caller, Connection>();
  private readonly counts: LiveCounts;

  constructor(private readonly deps: LiveCallersDeps) {
    this.counts = new LiveCounts(deps.limits);
  }

  /**
   * Why a caller may open no more; undefined when it may. A connection that is counted already may read, and is counted for
   * another user once it shows a token of one.
   *
   * TOO_MANY_CONNECTIONS.
   */
  tooManyFor(caller: Caller, principal: Principal = caller.principal): ConfabError | undefined {
    const counted = this.byCaller.get(caller)?.countedAs;
    if (!counted) return this.counts.tooManyOfUser(principal) ?? this.counts.tooManyOfAddress(caller.remoteAddress);
    return counted.user === principal.user ? undefined : this.counts.tooManyOfUser(principal);
  }

  addConnection(connection: LiveConnection): void {
    const { caller } = connection;
    const sinceMs = this.deps.clock.monotonicMs();
    const added = { connection, sinceMs, countedAs: this.counts.take(caller), readers: new Set<Reader>() };
    this.byCaller.set(caller, added);
    this.addToRing(added);
  }

  /** May be called twice. */
  deleteConnection({ caller }: LiveConnection): void {
    const known = this.byCaller.get(caller);
    if (!known) return;
    this.byCaller.delete(caller);
    this.live.delete(known);
    this.counts.giveBack(known.countedAs);
  }

  /** The connection's caller has another principal now: it is counted by it, and looked at with what it reads. */
  principalChanged({ caller }: LiveConnection): void {
    const known = this.byCaller.get(caller);
    if (!known) return;
    this.counts.giveBack(known.countedAs);
    known.countedAs = this.counts.take(caller);
    this.look(known);
  }

  /** Count a subscription before it begins: any number may be waiting to begin. @throws TOO_MANY_CONNECTIONS */
  addReader(caller: Caller, room: RoomId, user: string): LiveReader {
    const tooMany = this.tooManyFor(caller);
    if (tooMany) throw charged(caller, tooMany);
    const reader: Reader = { caller, room, user, subscription: undefined };
    const connection = this.byCaller.get(caller);
    // What it takes is kept: the caller may have another principal by the time it is over.
    const countedAs = connection ? undefined : this.counts.take(caller);
    if (connection) connection.readers.add(reader);
    else this.addToRing(reader);
    const closed = () => {
      if (connection) connection.readers.delete(reader);
      else this.live.delete(reader);
      if (countedAs) this.counts.giveBack(countedAs);
    };
    const began = (subscription: Subscription) => {
      reader.subscription = subscription;
      // The caller may have shown another token while this was beginning.
      lookAtPresence(subscription, caller.principal, room);
      // The connection may have closed in the same turn.
      if (subscription.state === "closed") closed();
      else subscription.onClosed = closed;
    };
    return { began, closed };
  }

  /** End what may not go on. Returns at once: it is done in the turns that follow. */
  check(): void {
    this.left = this.live.size;
    if (this.isUnderWay || this.left === 0) return;
    this.isUnderWay = true;
    this.continue();
  }

  private addToRing(added: Connection | Reader): void {
    this.live.add(added);
    // It comes before those that the round has still to look at, in a ring that begins again after it.
    if (this.isUnderWay) this.left++;
  }

  private continue(): void {
    this.deps.turns.afterTurn(() => this.lookAtSome());
  }

  private lookAtSome(): void {
    for (let looks = 0; looks < looksPerTurn && this.left > 0; this.left--) {
      const next = this.next();
      if (!next) break;
      looks += this.look(next);
    }
    this.isUnderWay = this.left > 0 && this.live.size > 0;
    if (this.isUnderWay) this.continue();
  }

  private next(): Connection | Reader | undefined {
    let next = this.cursor.next();
    if (next.done) {
      this.cursor = this.live.values();
      next = this.cursor.next();
    }
    return next.done ? undefined : next.value;
  }

  /** End it, or what it reads, if it may not go on. Returns how many looks that was. */
  private look(live: Connection | Reader): number {
    if (!("connection" in live)) {
      return lookAtReader(live, live.caller.principal.refusal(this.deps.clock.nowMs()));
    }
    const { connection, sinceMs, readers } = live;
    const { principal } = connection.caller;
    const { clock, limits } = this.deps;
    const refusal = principal.refusal(clock.nowMs());
    // A client may open a connection first and show its token in a frame.
    if (refusal && (!isStranger(principal) || sinceMs <= clock.monotonicMs() - limits.requestTimeoutMs)) {
      connection.end(refusal);
      return looksPerEnd;
    }
    let looks = 1;
    for (const reader of readers) looks += lookAtReader(reader, undefined);
    return looks;
  }
}

function lookAtReader(
  { caller: { principal }, room, user, subscription }: Reader,
  refusalOfAll: ConfabError | undefined,
): number {
  if (!subscription) return 1;
  const refusal = refusalOfAll ?? readRefusal(principal, room) ?? refusalOfName(principal, user, room);
  if (!refusal) {
    lookAtPresence(subscription, principal, room);
    return 1;
  }
  subscription.end(refusal);
  return looksPerEnd;
}

/**
 * A reader that may not see the members any more reads on, as one does that subscribes without that permission. Presence does
 * not come back with the permission: the reader would not know what it has missed.
 */
function lookAtPresence(subscription: Subscription, principal: Principal, room: RoomId): void {
  if (subscription.isToldPresence && !principal.may("members", room)) subscription.stopPresence();
}

function readRefusal(principal: Principal, room: RoomId): ConfabError | undefined {
  if (principal.may("read", room)) return undefined;
  return new ConfabError("PERMISSION_DENIED", `read is not allowed any more in room ${room}`);
}
