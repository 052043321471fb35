import { RedisLostError } from "./redis-error.js";
import { Session, type SessionOptions } from "./session.js";
import { type Address, describeAddress } from "./url.js";

export interface ConnectionDeps {
  /** What it is for, in logs. */
  readonly purpose: string;
  readonly options: SessionOptions;
  /** Where the server is now: after a failover it is elsewhere. */
  readonly locate: () => Promise<Address>;
  /** Make a new session fit for use, before anybody else has it. Rejects: it is given up, and another one is tried. */
  readonly prepare: (session: Session) => Promise<void>;
  /** It was fit for use, and is no more. */
  readonly lost: (cause: Error) => void;
  /** Between 0 and 1, for the jitter of the back-off. */
  readonly random: () => number;
}

/** The pause before an attempt to reconnect doubles from the first to the second, in milliseconds. */
const firstPauseMs = 50;
const longestPauseMs = 2_000;

/** A connection that comes back: one session after another to one server, wherever it is. */
export class Connection {
  private session: Session | undefined;
  private lastFailure: Error | undefined;
  /** The first attempt of `openSoon`. */
  private opening: Promise<void> | undefined;
  private isClosed = false;
  private attempts = 0;
  private pause: NodeJS.Timeout | undefined;

  constructor(private readonly deps: ConnectionDeps) {}

  /** The first attempt. @throws what stood in its way; then there is no second one. */
  async open(): Promise<void> {
    await this.attempt();
  }

  /** As `open`, but what fails is tried again. */
  openSoon(): void {
    this.opening = this.attemptOrRetry().finally(() => {
      this.opening = undefined;
    });
  }

  /** Whether the first attempt of `openSoon` is under way. */
  get isOpening(): boolean {
    return this.opening !== undefined;
  }

  /** As `current`, after the first attempt of `openSoon`. */
  async ready(): Promise<Session> {
    await this.opening;
    return this.current;
  }

  /** The session that can be used now. @throws RedisLostError: there is none. */
  get current(): Session {
    if (this.session) return this.session;
    throw new RedisLostError(`there is no connection for ${this.deps.purpose}`, false, { cause: this.lastFailure });
  }

  get trouble(): string | undefined {
    return this.session ? undefined : `Redis (${this.deps.purpose}): ${this.lastFailure?.message ?? "not connected"}`;
  }

  /** Give the session up, since something shows that it is no good, and get another one. */
  restart(cause: Error): void {
    this.session?.end(cause);
  }

  close(): void {
    this.isClosed = true;
    clearTimeout(this.pause);
    this.session?.close();
    this.session = undefined;
  }

  private async attempt(): Promise<void> {
    const address = await this.deps.locate();
    const session = await Session.open(address, this.deps.options);
    try {
      await this.deps.prepare(session);
      if (this.isClosed) throw new Error(`closed while ${describeAddress(address)} was prepared`);
    } catch (thrown) {
      session.close();
      throw thrown;
    }
    this.session = session;
    this.attempts = 0;
    session.whenEnded((cause) => {
      this.session = undefined;
      this.lastFailure = cause;
      this.deps.lost(cause);
      this.reconnectLater();
    });
  }

  private reconnectLater(): void {
    if (this.isClosed) return;
    // Many nodes lose their Redis at once: each comes back at a moment of its own.
    const pauseMs = Math.min(longestPauseMs, firstPauseMs * 2 ** this.attempts++) * (0.5 + this.deps.random() / 2);
    this.pause = setTimeout(() => void this.attemptOrRetry(), pauseMs);
  }

  /** Never rejects. */
  private async attemptOrRetry(): Promise<void> {
    try {
      await this.attempt();
    } catch (thrown) {
      this.lastFailure = thrown instanceof Error ? thrown : new Error(String(thrown));
      this.reconnectLater();
    }
  }
}
