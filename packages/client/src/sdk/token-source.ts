import { ConfabError } from "@confab/contract";
import { whenAborted } from "../call-signal.js";
import { failureFrom } from "../client-fault.js";
import { networkFailure, networkFailureText } from "../network-failure.js";
import { base64Decode } from "../wire/base64.js";
import type { Clock } from "./clock.js";

/** A token, and when it is no good any more: in milliseconds since 1970, or what a JWT says of itself if undefined. */
export interface Token {
  readonly token: string;
  readonly expiresAtMs?: number | undefined;
}

export type AskToken = () => string | Token | Promise<string | Token>;

export interface TokenSourceDeps {
  readonly ask: AskToken | undefined;
  /** How long the application may take to answer. */
  readonly timeoutMs: number;
  readonly clock: Clock;
  /** The wait before it is asked again after a failure. */
  retryDelayMs(failures: number, error: ConfabError): number;
  onFailed(error: ConfabError): void;
}

/** How long before its end a token is replaced; half of its time if it has less than twice this. */
const renewalMarginMs = 60_000;

/** The longest single wait: platforms' timers overflow at 2^31 milliseconds and then run at once. */
const maxWaitMs = 86_400_000;

/** The application's tokens: asked for with a time limit, and replaced before they expire. */
export class TokenSource {
  constructor(private readonly deps: TokenSourceDeps) {}

  get isAsked(): boolean {
    return this.deps.ask !== undefined;
  }

  /** A token for a new connection; undefined if the application has none. @throws ENGINE_UNAVAILABLE: it gave none. */
  async next(signal: AbortSignal): Promise<Token | undefined> {
    try {
      return await this.asked(signal);
    } catch (thrown) {
      const error = failureFrom(thrown);
      if (!signal.aborted) this.deps.onFailed(error);
      throw error;
    }
  }

  /** Replace the token of a connection before it expires, and its successors, until the signal aborts. */
  keepFresh(first: Token | undefined, authenticate: (token: string) => Promise<void>, signal: AbortSignal): void {
    const { clock, retryDelayMs, onFailed } = this.deps;
    let [current, failures] = [first, 0];
    const wait = (delayMs: number, then: () => void) => {
      if (signal.aborted) return;
      const cancel = clock.after(delayMs, () => {
        release();
        then();
      });
      const release = whenAborted(signal, cancel);
    };
    const plan = () => {
      const expiresAtMs = current && expiryOf(current);
      if (expiresAtMs === undefined) return;
      const leftMs = Math.max(0, expiresAtMs - clock.unixMs());
      const dueInMs = leftMs - Math.min(renewalMarginMs, leftMs / 2);
      if (dueInMs > maxWaitMs) wait(maxWaitMs, plan);
      else wait(dueInMs, () => void renew());
    };
    const renew = async () => {
      try {
        const token = await this.asked(signal);
        if (signal.aborted || !token) return;
        refuseOld(current, token);
        await authenticate(token.token);
        [current, failures] = [token, 0];
        plan();
      } catch (thrown) {
        if (signal.aborted) return;
        const error = failureFrom(thrown);
        onFailed(error);
        wait(retryDelayMs(failures++, error), () => void renew());
      }
    };
    plan();
  }

  private async asked(signal: AbortSignal): Promise<Token | undefined> {
    const { ask } = this.deps;
    if (!ask) return undefined;
    try {
      const given = await this.inTime(Promise.resolve().then(ask), signal);
      return typeof given === "string" ? { token: given } : given;
    } catch (cause) {
      // Whoever issues tokens may be as unreachable as a server; nothing is wrong with the request.
      throw networkFailure("ENGINE_UNAVAILABLE", `no token: ${networkFailureText(cause)}`, cause);
    }
  }

  private async inTime<T>(answer: Promise<T>, signal: AbortSignal): Promise<T> {
    const { clock, timeoutMs } = this.deps;
    const releases: (() => void)[] = [];
    const givenUp = new Promise<never>((_resolve, reject) => {
      const late = new Error(`the token callback did not answer within ${timeoutMs} ms (tokenTimeoutMs)`);
      releases.push(clock.after(timeoutMs, () => reject(late)));
      releases.push(whenAborted(signal, () => reject(new Error("the connection is not wanted any more"))));
    });
    try {
      return await Promise.race([answer, givenUp]);
    } finally {
      for (const release of releases) release();
    }
  }
}

/** A token that ends no later than the one it is to replace would be replaced at once, again and again. */
function refuseOld(before: Token | undefined, token: Token): void {
  const expiresAtMs = expiryOf(token);
  if (before === undefined || expiresAtMs === undefined || expiresAtMs > (expiryOf(before) ?? 0)) return;
  throw new ConfabError("UNAUTHENTICATED", "the token callback gave a token that expires no later than the last one");
}

function expiryOf({ token, expiresAtMs }: Token): number | undefined {
  return expiresAtMs ?? jwtExpiry(token);
}

/** The `exp` of a JWT (RFC 7519 §4.1.4); undefined if this is none, or has none. */
function jwtExpiry(token: string): number | undefined {
  const [, claims, signature] = token.split(".");
  if (claims === undefined || signature === undefined) return undefined;
  try {
    const { exp } = JSON.parse(new TextDecoder().decode(base64Decode(claims))) as { exp?: unknown };
    return typeof exp === "number" ? exp * 1_000 : undefined;
  } catch {
    // Some other token with two dots in it: only its issuer knows what it says.
    return undefined;
  }
}
