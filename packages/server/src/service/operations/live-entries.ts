import type { ConfabError, Position } from "@confab/contract";
import type { RoomId, Subscription } from "../../core/index.js";
import type { Caller, TransportName } from "./caller.js";
import type { CountedAs } from "./live-counts.js";

/** A connection of many requests: it ends as a whole, whatever it reads. */
export interface LiveConnection {
  /** Unlike that of any other connection on any node. */
  readonly id: string;
  readonly caller: Caller;
  readonly queuedBytes: number;
  /** Tell the client why, and close. RECONNECT: with a goodbye. */
  end(error: ConfabError): void;
}

/** A reader of one room: of a connection, or a stream that stands for itself. */
export interface ReaderEntry {
  readonly caller: Caller;
  readonly room: RoomId;
  /** The name that it reads under; empty: none. */
  readonly user: string;
  /** When it was asked for; milliseconds since 1970. */
  readonly sinceMs: number;
  /** Undefined: it has not begun. */
  subscription: Subscription | undefined;
  /** It was ended before it has begun. */
  endedWith: ConfabError | undefined;
  /** Its place in the order of connections and streams; 0: it is part of a connection. */
  number: number;
  /** Of a stream that stands for itself; made when it is first asked for. */
  id: string | undefined;
}

export interface ConnectionEntry {
  readonly connection: LiveConnection;
  /** By the clock of waits. */
  readonly sinceMonotonicMs: number;
  readonly sinceMs: number;
  countedAs: CountedAs;
  readonly readers: Set<ReaderEntry>;
  number: number;
}

export type LiveEntry = ConnectionEntry | ReaderEntry;

/** Which connections; empty texts fit all. */
export interface LiveFilter {
  readonly user: string;
  readonly room: string;
}

/** Which connections to end: those of a user, or one. */
export type LiveTarget = { readonly user: string } | { readonly connection: string };

/** A connection or stream as operators see it. Plain JSON: nodes send it to each other. */
export interface LiveView {
  readonly number: number;
  readonly id: string;
  readonly user: string;
  readonly isVerified: boolean;
  readonly transport: TransportName;
  readonly remoteAddress: string;
  readonly sinceMs: number;
  readonly readings: readonly ReadingView[];
  readonly readingCount: number;
  readonly queuedBytes: number;
}

export interface ReadingView {
  readonly room: string;
  readonly user: string;
  readonly position: Position;
  readonly hasPresence: boolean;
  readonly hasSignals: boolean;
  readonly isLagging: boolean;
}

/** Readings that one connection is shown with. */
const maxShownReadings = 16;

export function isConnection(live: LiveEntry): live is ConnectionEntry {
  return "connection" in live;
}

export function fits(live: LiveEntry, { user, room }: LiveFilter): boolean {
  const { caller } = isConnection(live) ? live.connection : live;
  return (
    (user === "" || caller.principal.user === user || someReader(live, (reader) => reader.user === user)) &&
    (room === "" || someReader(live, (reader) => reader.room === room))
  );
}

function someReader(live: LiveEntry, is: (reader: ReaderEntry) => boolean): boolean {
  if (!isConnection(live)) return is(live);
  for (const reader of live.readers) if (is(reader)) return true;
  return false;
}

/** Whether it is of the user as a whole. A caller without a verified user is who it says that it is. */
export function isOfUser(live: LiveEntry, user: string): boolean {
  const verified = (isConnection(live) ? live.connection : live).caller.principal.user;
  if (verified !== undefined && isConnection(live)) return verified === user;
  return verified === user || someReader(live, (reader) => reader.user === user);
}

/** `room`: to be among the readings that are shown; empty: whichever. */
export function viewOf(live: LiveEntry, id: string, room: string): LiveView {
  const { caller } = isConnection(live) ? live.connection : live;
  const { transport, remoteAddress, principal } = caller;
  const readers = isConnection(live) ? live.readers : [live];
  const readings: ReadingView[] = [];
  let readingCount = 0;
  let wanted: ReadingView | undefined;
  let name = "";
  for (const reader of readers) {
    name ||= reader.user;
    const { subscription } = reader;
    if (!subscription) continue;
    readingCount++;
    const isWanted = reader.room === room;
    if (!isWanted && readings.length >= maxShownReadings) continue;
    const view = readingView(reader, subscription);
    if (isWanted) wanted = view;
    else readings.push(view);
  }
  const queuedBytes = isConnection(live) ? live.connection.queuedBytes : (live.subscription?.sink.queuedBytes ?? 0);
  return {
    number: live.number,
    id,
    user: principal.user ?? name,
    isVerified: principal.user !== undefined,
    transport,
    remoteAddress,
    sinceMs: live.sinceMs,
    readings: wanted ? [wanted, ...readings.slice(0, maxShownReadings - 1)] : readings,
    readingCount,
    queuedBytes,
  };
}

function readingView(
  { room, user }: ReaderEntry,
  { position, isToldPresence, sink, state }: Subscription,
): ReadingView {
  return {
    room,
    user,
    position,
    hasPresence: isToldPresence,
    hasSignals: sink.events?.wantsSignals ?? false,
    isLagging: state === "lagging",
  };
}
