import { ConfabError } from "@confab/contract";
import { whenAborted } from "../call-signal.js";
import { failureFrom } from "../client-fault.js";
import type { CallOptions, Link, TransportName } from "../link.js";
import { isTransportBlocked } from "../network-failure.js";
import { backoffMs } from "./backoff.js";
import type { Clock } from "./clock.js";
import { hasFrames } from "./has-frames.js";
import type { ReconnectOptions } from "./options.js";
import type { Token, TokenSource } from "./token-source.js";
import type { TransportOrder } from "./transport-order.js";
import { forbidsReturn, isStranger, isWorthReconnecting, openingError, type Verdict, verdictOn } from "./verdict.js";

/** What a client is doing about its connection. */
export type ConnectionState =
  | { readonly name: "connecting" }
  | {
      readonly name: "live";
      readonly transport: TransportName;
      /** With `transport: "auto"`, where the preferred transport did not get through: which one, and why. */
      readonly fallback?: { readonly from: TransportName; readonly error: ConfabError };
    }
  | {
      readonly name: "reconnecting";
      /** 1 for the first attempt after the loss. */
      readonly attempt: number;
      /** From the loss, or the attempt before, to this attempt. */
      readonly delayMs: number;
      readonly error: ConfabError;
    }
  /** Final. Without an error if the application closed the client. */
  | { readonly name: "closed"; readonly error?: ConfabError };

/** One connection, from its opening to its loss. */
export interface Session {
  readonly link: Link;
  /** Whether this is still the client's connection. */
  readonly isLive: boolean;
}

/**
 * What is asked over a new connection before the application is told that it is live. Rejects only if the connection is
 * not to be used.
 */
export type BeforeLive = (link: Link, bounds: CallOptions) => Promise<void>;

export interface ConnectorDeps {
  readonly url: string;
  readonly order: TransportOrder;
  /** A new link, unconnected. `onLost` may be called while it is live. */
  openLink(transport: TransportName, token: string | undefined, onLost: (error: ConfabError) => void): Link;
  readonly tokens: TokenSource;
  readonly reconnect: ReconnectOptions;
  readonly attemptTimeoutMs: number;
  readonly random: () => number;
  readonly clock: Clock;
  onState(state: ConnectionState): void;
}

/**
 * Keeps one connection to the server, for all rooms of a client.
 *
 *     connecting ── opened ──► live ── lost ──► reconnecting ── waited, opened ──► live
 *         │ └── failed ──────────────────────────►│ ▲ └── failed: wait longer ──┐
 *         │                                       │ └──────────────────────────┘
 *         └── final error ──► closed ◄────────────┘ close(), from anywhere
 */
export class Connector {
  state: ConnectionState = { name: "connecting" };
  /** Aborts when the client is closed. */
  readonly closed: AbortSignal;
  /** Their owners add and remove them. */
  readonly beforeLive = new Set<BeforeLive>();
  private readonly closing = new AbortController();
  private session: (Session & { isLive: boolean }) | undefined;
  private readonly waiting = new Set<{ resolve(session: Session): void; reject(error: ConfabError): void }>();
  /** Why the preferred transport is not used, since it last failed. */
  private blocked: { readonly from: TransportName; readonly error: ConfabError } | undefined;
  /** Attempts that failed since a connection last held for long enough. */
  private failures = 0;
  /** When the last connection was made. */
  private liveSinceMs: number | undefined;
  private cancelWait: () => void = () => undefined;
  private attempt = new AbortController();
  private isTokenFresh = false;
  /** Aborts with the session whose token is kept fresh. */
  private renewal = new AbortController();

  constructor(private readonly deps: ConnectorDeps) {
    this.closed = this.closing.signal;
  }

  /** Begin. Called once. */
  start(): void {
    void this.connect();
  }

  /** The live session, if there is one now. */
  get current(): Session | undefined {
    return this.session;
  }

  /** The live session, now or as soon as there is one. @throws why the client closed, or CANCELLED by `signal`. */
  live(signal?: AbortSignal): Promise<Session> {
    const { session, state } = this;
    if (signal?.aborted) return Promise.reject(new ConfabError("CANCELLED", "the caller cancelled the call"));
    if (state.name === "closed") return Promise.reject(clientClosed(state.error));
    if (session?.isLive) return Promise.resolve(session);
    return new Promise((resolve, reject) => {
      const waiter = {
        resolve: (found: Session) => {
          release();
          resolve(found);
        },
        reject: (error: ConfabError) => {
          release();
          reject(error);
        },
      };
      this.waiting.add(waiter);
      const release = whenAborted(signal, () => {
        this.waiting.delete(waiter);
        reject(new ConfabError("CANCELLED", "the caller cancelled the call"));
      });
    });
  }

  /** Give a session up: its connection is lost, or does not answer. Without effect on one that was given up before. */
  lost(session: Session, error: ConfabError): void {
    if (session !== this.session || !this.session.isLive) return;
    if (this.isStable()) this.failures = 0;
    this.session.isLive = false;
    this.session = undefined;
    this.renewal.abort();
    session.link.close();
    this.again(error);
  }

  /** A session's connection has ended, with the server's reason if it gave one. */
  private ended(session: Session, error: ConfabError): void {
    if (session !== this.session) return;
    if (forbidsReturn(error) && !this.mayHaveExpired(error)) this.close(error);
    else this.lost(session, error);
  }

  /** Judge the error of an operation on a session, and give the session up if it says so. */
  judge(session: Session, error: ConfabError): Verdict {
    const verdict = this.mayHaveExpired(error) || this.isAskedBack(session, error) ? "reconnect" : verdictOn(error);
    // A connection with frames ends as a whole; elsewhere this is known by the streams that it ends.
    if (error.code === "DISCONNECTED" && !hasFrames(session.link)) this.close(error);
    if (verdict === "reconnect") this.lost(session, error);
    return verdict;
  }

  /** Make the next attempt now, if one is being waited for. */
  hurry(): void {
    if (this.state.name === "reconnecting" && !this.session) this.retryNow();
  }

  /** May be called twice. */
  close(error?: ConfabError): void {
    if (this.state.name === "closed") return;
    this.cancelWait();
    this.attempt.abort();
    this.renewal.abort();
    const { session } = this;
    if (session) session.isLive = false;
    this.session = undefined;
    // First the state, so that whoever is failed by the link's end sees why.
    this.enter({ name: "closed", ...(error && { error }) });
    session?.link.close();
    for (const waiter of this.waiting) waiter.reject(clientClosed(error));
    this.waiting.clear();
    this.closing.abort();
  }

  private retryNow: () => void = () => undefined;

  private async connect(): Promise<void> {
    const { order, url, attemptTimeoutMs } = this.deps;
    const attempt = new AbortController();
    this.attempt = attempt;
    const transport = order.next;
    let link: Link | undefined;
    try {
      const token = await this.deps.tokens.next(attempt.signal);
      if (attempt.signal.aborted) return;
      let wasLostEarly: ConfabError | undefined;
      let session: (Session & { isLive: boolean }) | undefined;
      link = this.deps.openLink(transport, token?.token, (error) => {
        if (session) this.ended(session, error);
        else wasLostEarly = error;
      });
      const bounds = { signal: attempt.signal, timeoutMs: attemptTimeoutMs };
      await link.open(bounds);
      await this.prepare(link, bounds);
      if (attempt.signal.aborted) return link.close();
      if (wasLostEarly) throw wasLostEarly;
      session = { link, isLive: true };
      this.keepFresh(session, token);
      this.opened(session, transport);
    } catch (thrown) {
      link?.close();
      if (attempt.signal.aborted) return;
      const error = openingError(failureFrom(thrown), url);
      this.failed(error);
    }
  }

  /** Also those that are added meanwhile: what they ask must be answered before the application can act on `live`. */
  private async prepare(link: Link, bounds: CallOptions): Promise<void> {
    const done = new Set<BeforeLive>();
    for (;;) {
      const next = [...this.beforeLive].filter((each) => !done.has(each));
      if (next.length === 0) return;
      for (const each of next) done.add(each);
      await Promise.all(next.map((each) => each(link, bounds)));
    }
  }

  private keepFresh({ link }: Session, token: Token | undefined): void {
    const renewal = new AbortController();
    const { signal } = renewal;
    this.renewal = renewal;
    const bounds = { signal, timeoutMs: this.deps.attemptTimeoutMs };
    this.deps.tokens.keepFresh(token, (fresh) => link.authenticate(fresh, bounds), signal);
  }

  private opened(session: Session & { isLive: boolean }, transport: TransportName): void {
    this.session = session;
    this.isTokenFresh = false;
    this.liveSinceMs = this.deps.clock.nowMs();
    this.deps.order.worked();
    const { blocked } = this;
    this.enter({ name: "live", transport, ...(blocked && blocked.from !== transport && { fallback: blocked }) });
    for (const waiter of [...this.waiting]) {
      this.waiting.delete(waiter);
      waiter.resolve(session);
    }
  }

  private failed(error: ConfabError): void {
    const { order, reconnect, tokens } = this.deps;
    const isBlocked = isTransportBlocked(error);
    if (isBlocked && order.next === order.preferred) this.blocked = { from: order.preferred, error };
    if (order.failed(isBlocked)) return void this.connect();
    this.failures++;
    // An expired token is no reason to give up before the application was asked for a new one.
    const mayHelp = isOfToken(error) && tokens.isAsked && !this.isTokenFresh;
    if (mayHelp) this.isTokenFresh = true;
    // Where we were let in before, a stranger's page is a deployment under way.
    const mayPass = isWorthReconnecting(error) || (this.liveSinceMs !== undefined && isStranger(error));
    const isOver = this.failures > (reconnect.maxAttempts ?? Number.POSITIVE_INFINITY);
    if (isOver || !(mayHelp || mayPass)) this.close(error);
    else this.again(error);
  }

  private again(error: ConfabError): void {
    const { clock, random, reconnect } = this.deps;
    const delayMs = backoffMs(this.failures, error, reconnect, random);
    const cancel = clock.after(delayMs, () => this.retryNow());
    this.cancelWait = cancel;
    this.retryNow = () => {
      cancel();
      this.retryNow = () => undefined;
      void this.connect();
    };
    this.enter({ name: "reconnecting", attempt: this.failures + 1, delayMs, error });
  }

  /** The server says so, or a token was good when the session was young; a reason to come back with a new one. */
  private mayHaveExpired(error: ConfabError): boolean {
    if (!isOfToken(error) || !this.deps.tokens.isAsked) return false;
    return error.code === "TOKEN_EXPIRED" || this.isStable();
  }

  /** An operator ended a stream so that it is made again over a new connection, perhaps to another node. */
  private isAskedBack({ link }: Session, { code }: ConfabError): boolean {
    return code === "RECONNECT" && !hasFrames(link);
  }

  private isStable(): boolean {
    const { clock, reconnect } = this.deps;
    return clock.nowMs() - (this.liveSinceMs ?? 0) >= (reconnect.stableAfterMs ?? 5_000);
  }

  private enter(state: ConnectionState): void {
    this.state = state;
    this.deps.onState(state);
  }
}

/** Another token may be taken where this one is not. */
function isOfToken({ code }: ConfabError): boolean {
  return code === "UNAUTHENTICATED" || code === "TOKEN_EXPIRED";
}

function clientClosed(error: ConfabError | undefined): ConfabError {
  return error ?? new ConfabError("CANCELLED", "the client was closed");
}
