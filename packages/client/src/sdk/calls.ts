import { ConfabError, confabErrorFrom } from "@confab/contract";
import { whenAborted } from "../call-signal.js";
import type { CallOptions, Link } from "../link.js";
import type { Clock } from "./clock.js";
import type { Connector } from "./connector.js";

/** How long a call may take, waiting for a connection included, when its caller does not say. */
const defaultTimeoutMs = 30_000;

type Call<T> = (link: Link, bounds: CallOptions) => Promise<T>;

/** Questions and signals: calls with one answer, that nobody queues. */
export class Calls {
  constructor(private readonly deps: { readonly connector: Connector; readonly clock: Clock }) {}

  /** Ask something that changes nothing: asked again if its connection is lost. */
  read<T>(call: Call<T>, options?: CallOptions): Promise<T> {
    return this.within(options, async (signal) => {
      for (;;) {
        const { value, error } = await this.attempt(call, signal);
        if (!error) return value;
        if (signal.aborted || error.verdict !== "reconnect") throw error.cause;
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
      const cause = confabErrorFrom(thrown);
      // The caller's doing says nothing about the connection.
      const verdict = signal.aborted ? "final" : this.deps.connector.judge(session, cause);
      return { error: { cause, verdict } as const };
    }
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
