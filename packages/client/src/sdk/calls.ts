import { ConfabError } from "@confab/contract";
import { whenAborted } from "../call-signal.js";
import { failureFrom } from "../client-fault.js";
import type { CallOptions, Link } from "../link.js";
import type { Clock } from "./clock.js";
import type { Connector } from "./connector.js";

/** How long a call may take, waiting for a connection included, when its caller does not say. */
const defaultTimeoutMs = 30_000;

type Call<T> = (link: Link, bounds: CallOptions) => Promise<T>;

export interface CallsDeps {
  readonly connector: Connector;
  readonly clock: Clock;
  /** The wait before a question that the server put off is asked again. */
  retryDelayMs(failures: number, error: ConfabError): number;
}

/** Questions and signals: calls with one answer, that nobody queues. */
export class Calls {
  constructor(private readonly deps: CallsDeps) {}

  /** Ask something that changes nothing: asked again if its connection is lost, or the server cannot answer yet. */
  read<T>(call: Call<T>, options?: CallOptions): Promise<T> {
    return this.within(options, async (signal) => {
      for (let refusals = 0; ; ) {
        const { value, error } = await this.attempt(call, signal);
        if (!error) return value;
        if (signal.aborted || error.verdict === "final") throw error.cause;
        if (error.verdict === "retry") await this.pause(this.deps.retryDelayMs(refusals++, error.cause), signal);
        if (signal.aborted) throw error.cause;
      }
    });
  }

  /** Do something that must not be done twice. */
  once<T>(call: Call<T>, options?: CallOptions): Promise<T> {
    return this.within(options, async (signal) => {
      const { value, error } = await this.attempt(call, signal);
      if (error) throw error.cause;
      return value;
    });
  }

  private async attempt<T>(call: Call<T>, signal: AbortSignal) {
    const session = await this.deps.connector.live(signal);
    try {
      return { value: await call(session.link, { signal }) };
    } catch (thrown) {
      const cause = failureFrom(thrown);
      // The caller's doing says nothing about the connection.
      const verdict = signal.aborted ? "final" : this.deps.connector.judge(session, cause);
      return { error: { cause, verdict } as const };
    }
  }

  /** Resolves after a while, or once the signal aborts. */
  private async pause(waitMs: number, signal: AbortSignal): Promise<void> {
    const releases: (() => void)[] = [];
    await new Promise<void>((resolve) => {
      releases.push(whenAborted(signal, resolve), this.deps.clock.after(waitMs, resolve));
    });
    for (const release of releases) release();
  }

  private async within<T>(
    { signal, timeoutMs = defaultTimeoutMs }: CallOptions = {},
    run: (signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    const bound = new AbortController();
    const release = whenAborted(signal, () => bound.abort(signal?.reason));
    let isLate = false;
    const stopClock = this.deps.clock.after(timeoutMs, () => {
      isLate = true;
      bound.abort();
    });
    try {
      return await run(bound.signal);
    } catch (error) {
      throw isLate ? new ConfabError("DEADLINE_EXCEEDED", `no answer within ${timeoutMs} ms`, { cause: error }) : error;
    } finally {
      stopClock();
      release();
    }
  }
}
