import { type ConfabError, defaultDedupeWindowMs } from "@confab/contract";
import { whenAborted } from "../call-signal.js";
import type { CallOptions, Link, LinkOptions, RoomsPage, RoomsRequest, TransportName } from "../link.js";
import { serverUrl } from "../open-link.js";
import { backoffMs } from "./backoff.js";
import { Calls } from "./calls.js";
import { callChecks, check, checkValue, connectChecks, roomsChecks, text } from "./checks.js";
import { platformClock } from "./clock.js";
import { type ConnectionState, Connector } from "./connector.js";
import { Emitter } from "./emitter.js";
import type { ConnectOptions } from "./options.js";
import { Outbox } from "./outbox.js";
import { RoomPrefix } from "./prefix.js";
import { ReadMarker } from "./read-marker.js";
import { Room, type RoomDeps } from "./room.js";
import type { Gap } from "./room-reading.js";
import { TokenSource } from "./token-source.js";
import { TransportOrder } from "./transport-order.js";

/** What a client tells of itself. */
export interface ClientEvents {
  /** Each change of `client.state`. */
  readonly state: ConnectionState;
  /** A reading with `onGap` set leapt over messages that the server no longer has. */
  readonly gap: Gap;
  /** The application gave no token in time, or the server did not take a new one. It is asked again after a while. */
  readonly tokenFailed: ConfabError;
}

/** What a platform brings to its clients. */
export interface ClientPlatform {
  /** What `auto` stands for, in order of preference. */
  readonly transports: readonly [TransportName, ...TransportName[]];
  /** Why a transport cannot be used here; undefined if it can, as all can if this is left out. */
  refusalOf?(transport: TransportName): string | undefined;
  openLink(transport: TransportName, options: LinkOptions): Link;
}

/** One connection to a server, for any number of rooms: it comes back by itself, until it is closed. */
export class Client {
  private readonly emitter = new Emitter<ClientEvents>();
  private readonly connector: Connector;
  private readonly deps: RoomDeps;
  private readonly release: () => void;

  constructor(options: ConnectOptions, platform: ClientPlatform) {
    // Here, because what is wrong would otherwise be tried again and again.
    check("connect", options, connectChecks);
    const { user, types, token, reconnect = {}, transport = "auto" } = options;
    const order = new TransportOrder(usable(transport === "auto" ? platform.transports : [transport], platform));
    const url = serverUrl(options.url);
    const { attemptTimeoutMs = 15_000, random = Math.random, clock = platformClock } = options;
    const { tokenTimeoutMs = 10_000 } = options;
    const retryDelayMs = (failures: number, error: ConfabError) => backoffMs(failures, error, reconnect, random);
    const onFailed = (error: ConfabError) => this.emitter.emit("tokenFailed", error);
    this.connector = new Connector({
      url,
      order,
      openLink: (name, fresh, onLost) => platform.openLink(name, { url, types, token: fresh, onLost }),
      tokens: new TokenSource({ ask: token, timeoutMs: tokenTimeoutMs, clock, retryDelayMs, onFailed }),
      reconnect,
      attemptTimeoutMs,
      random,
      clock,
      onState: (state) => this.entered(state),
    });
    const shared = { connector: this.connector, clock, attemptTimeoutMs, retryDelayMs };
    const { maxQueuedSends = 1_000, maxQueuedBytes = 8_388_608, idleCheckMs = 30_000 } = options;
    const { dedupeWindowMs = defaultDedupeWindowMs } = options;
    const calls = new Calls(shared);
    const marker = new ReadMarker(calls);
    const onGiven = (room: string, position: string) => marker.gave(room, position);
    this.deps = {
      user,
      outbox: new Outbox({ ...shared, maxQueuedSends, maxQueuedBytes, dedupeWindowMs }),
      calls,
      marker,
      reading: { ...shared, idleCheckMs, onGap: (gap) => this.emitter.emit("gap", gap), onGiven },
    };
    const stopWatching = watchNetwork(() => this.connector.hurry());
    const stopListening = whenAborted(options.signal, () => queueMicrotask(() => this.close()));
    this.release = () => {
      stopWatching();
      stopListening();
    };
    this.connector.start();
  }

  get state(): ConnectionState {
    return this.connector.state;
  }

  /** Call a function for each event of this name. The result takes it back. */
  on<Name extends keyof ClientEvents>(name: Name, handler: (event: ClientEvents[Name]) => void): () => void {
    return this.emitter.on(name, handler);
  }

  /** @param name `lobby` if empty. */
  room(name: string): Room {
    if (name !== undefined) checkValue("room: name", name, text);
    return new Room(name || "lobby", this.deps);
  }

  /** All rooms whose names begin with `prefix`, those that come later included: `team-7.`. */
  prefix(prefix: string): RoomPrefix {
    checkValue("prefix", prefix, text);
    return new RoomPrefix(prefix, this.deps);
  }

  async rooms(request: RoomsRequest = {}, options: CallOptions = {}): Promise<RoomsPage> {
    check("rooms", request, roomsChecks);
    check("rooms", options, callChecks);
    return this.deps.calls.read((link, bounds) => link.rooms(request, bounds), options);
  }

  /** End everything: readings end, sends without an answer fail with CANCELLED. May be called twice. */
  close(): void {
    this.connector.close();
  }

  private entered(state: ConnectionState): void {
    // Before the application hears of it: what it sends now comes after what has waited.
    if (state.name === "live") this.deps.outbox.resume();
    if (state.name === "closed") {
      this.release();
      this.deps.outbox.close(state.error);
    }
    this.emitter.emit("state", state);
  }
}

/** The transports that the platform has all of. @throws TypeError: there is none; it says what the first one lacks. */
function usable(
  names: readonly [TransportName, ...TransportName[]],
  { refusalOf = () => undefined }: ClientPlatform,
): readonly [TransportName, ...TransportName[]] {
  const [first, ...others] = names.filter((name) => refusalOf(name) === undefined);
  if (!first) throw new TypeError(refusalOf(names[0]));
  return [first, ...others];
}

/** Browsers know when there is a network again; elsewhere nobody tells. */
function watchNetwork(onOnline: () => void): () => void {
  if (typeof globalThis.addEventListener !== "function") return () => undefined;
  globalThis.addEventListener("online", onOnline);
  return () => globalThis.removeEventListener("online", onOnline);
}
