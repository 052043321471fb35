import { ConfabError, type Limits } from "@confab/contract";
import type { Clock, RoomId, Subscription, Turns } from "../../core/index.js";
import { type Caller, charged } from "./caller.js";
import { LiveCounts } from "./live-counts.js";
import {
  type ConnectionEntry,
  fits,
  isConnection,
  isOfUser,
  type LiveConnection,
  type LiveEntry,
  type LiveFilter,
  type LiveTarget,
  type LiveView,
  type ReaderEntry,
  viewOf,
} from "./live-entries.js";
import { Numbered } from "./numbered.js";
import { isStranger, type Principal, refusalOfName } from "./principal.js";

/** A subscription from before it begins until it is over. */
export interface LiveReader {
  /** It has begun; it is forgotten by itself when it is over. @throws why it was ended meanwhile: it is closed. */
  began(subscription: Subscription): void;
  /** It does not begin. Called instead of `began`. */
  closed(): void;
}

export interface LiveCallersDeps {
  readonly clock: Clock;
  readonly turns: Pick<Turns, "afterTurn">;
  readonly limits: Pick<Limits, "requestTimeoutMs" | "maxConnectionsByUser" | "maxConnectionsByAddress">;
  /** A name for a stream, unlike any other's on any node. */
  readonly newId: () => string;
}

/** Permissions looked at before the event loop gets a turn: about half a millisecond. */
const looksPerTurn = 1_000;

/** To end a connection or a subscription costs as much as so many looks: an error is encoded and written. */
const looksPerEnd = 20;

/** To describe one for an operator, in looks. */
const looksPerView = 5;

/**
 * Connections and subscriptions that live now. They live on a permission that was given once: a token expires or is revoked,
 * and rules change, meanwhile. They are looked at once a second, and whenever something was revoked or changed. Their number
 * is bounded for each user and address. Operators list and end them.
 *
 * A round of looks goes in slices around a ring: what is asked for during a round only moves its end, so every round ends,
 * and a change is followed by a look at everything that was there before it.
 */
export class LiveCallers {
  /** The ring. What a connection reads is part of the connection; other readers stand for themselves. */
  private readonly live = new Numbered<LiveEntry>();
  private cursor: Iterator<LiveEntry> = [].values();
  /** What the round has still to look at. */
  private left = 0;
  private isUnderWay = false;
  private readonly byCaller = new Map<Caller, ConnectionEntry>();
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
    const { clock } = this.deps;
    const added: ConnectionEntry = {
      connection,
      sinceMonotonicMs: clock.monotonicMs(),
      sinceMs: clock.nowMs(),
      countedAs: this.counts.take(caller),
      readers: new Set(),
      number: 0,
    };
    this.byCaller.set(caller, added);
    this.addToRing(added);
  }

  /** May be called twice. */
  deleteConnection({ caller }: LiveConnection): void {
    const known = this.byCaller.get(caller);
    if (!known) return;
    this.byCaller.delete(caller);
    this.live.delete(known.number);
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
    const sinceMs = this.deps.clock.nowMs();
    // Every stream has one. With a spread it would take twice the memory.
    const reader: ReaderEntry = {
      caller,
      room,
      user,
      sinceMs,
      subscription: undefined,
      endedWith: undefined,
      number: 0,
      id: undefined,
    };
    const connection = this.byCaller.get(caller);
    // What it takes is kept: the caller may have another principal by the time it is over.
    const countedAs = connection ? undefined : this.counts.take(caller);
    if (connection) connection.readers.add(reader);
    else this.addToRing(reader);
    const closed = () => {
      if (connection) connection.readers.delete(reader);
      else this.live.delete(reader.number);
      if (countedAs) this.counts.giveBack(countedAs);
    };
    const began = (subscription: Subscription) => {
      if (reader.endedWith) {
        subscription.close();
        throw reader.endedWith;
      }
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

  /** How many fit. */
  async count(filter: LiveFilter): Promise<number> {
    if (filter.user === "" && filter.room === "") return this.live.size;
    let count = 0;
    await this.visit(0, (live) => {
      if (fits(live, filter)) count++;
      return looksAt(live);
    });
    return count;
  }

  /** Those that fit and have greater numbers than `after`, at most `limit`, in the order of their numbers; and whether there are more. */
  async list(filter: LiveFilter, after: number, limit: number): Promise<{ found: LiveView[]; hasMore: boolean }> {
    const found: LiveView[] = [];
    let hasMore = false;
    await this.visit(after, (live) => {
      if (!fits(live, filter)) return looksAt(live);
      hasMore = found.length === limit;
      if (hasMore) return undefined;
      found.push(viewOf(live, this.idOf(live), filter.room));
      return looksAt(live) + looksPerView;
    });
    return { found, hasMore };
  }

  /** End what is there now of a user, or one connection. Resolves with how many connections and streams that were. */
  async end(target: LiveTarget, error: ConfabError): Promise<number> {
    let ended = 0;
    await this.visit(0, (live) => {
      const count = endWhatIsMeant(live, target, error);
      ended += count;
      return looksAt(live) + count * looksPerEnd;
    });
    return ended;
  }

  private idOf(live: LiveEntry): string {
    if (isConnection(live)) return live.connection.id;
    live.id ??= this.deps.newId();
    return live.id;
  }

  /** Visit those that are there now, in slices. `look` returns how many looks it was; undefined: it has seen enough. */
  private async visit(after: number, look: (live: LiveEntry) => number | undefined): Promise<void> {
    const { newest } = this.live;
    let looks = 0;
    for (const live of this.live.after(after)) {
      // Clients that come back as soon as they are ended would be visited for ever.
      if (live.number > newest) return;
      const more = look(live);
      if (more === undefined) return;
      looks += more;
      if (looks < looksPerTurn) continue;
      looks = 0;
      await new Promise<void>((resolve) => this.deps.turns.afterTurn(resolve));
    }
  }

  private addToRing(added: LiveEntry): void {
    added.number = this.live.add(added);
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

  private next(): LiveEntry | undefined {
    let next = this.cursor.next();
    if (next.done) {
      this.cursor = this.live.after(0);
      next = this.cursor.next();
    }
    return next.done ? undefined : next.value;
  }

  /** End it, or what it reads, if it may not go on. Returns how many looks that was. */
  private look(live: LiveEntry): number {
    if (!isConnection(live)) {
      return lookAtReader(live, live.caller.principal.refusal(this.deps.clock.nowMs()));
    }
    const { connection, sinceMonotonicMs, readers } = live;
    const { principal } = connection.caller;
    const { clock, limits } = this.deps;
    const refusal = principal.refusal(clock.nowMs());
    // A client may open a connection first and show its token in a frame.
    if (refusal && (!isStranger(principal) || sinceMonotonicMs <= clock.monotonicMs() - limits.requestTimeoutMs)) {
      connection.end(refusal);
      return looksPerEnd;
    }
    let looks = 1;
    for (const reader of readers) looks += lookAtReader(reader, undefined);
    return looks;
  }
}

/** A connection with many readers is as many looks. */
function looksAt(live: LiveEntry): number {
  return isConnection(live) ? 1 + live.readers.size : 1;
}

/** Returns how many connections and streams were ended. */
function endWhatIsMeant(live: LiveEntry, target: LiveTarget, error: ConfabError): number {
  if ("connection" in target) {
    const id = isConnection(live) ? live.connection.id : live.id;
    return id === target.connection ? endAll(live, error) : 0;
  }
  const { user } = target;
  if (isOfUser(live, user)) return endAll(live, error);
  if (!isConnection(live)) return 0;
  let ended = 0;
  for (const reader of [...live.readers]) if (reader.user === user) ended += endAll(reader, error);
  return ended;
}

function endAll(live: LiveEntry, error: ConfabError): 1 {
  if (isConnection(live)) live.connection.end(error);
  else if (live.subscription) live.subscription.end(error);
  else live.endedWith = error;
  return 1;
}

function lookAtReader(
  { caller: { principal }, room, user, subscription }: ReaderEntry,
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
