import { ConfabError } from "@confab/contract";

/** Under a `ConfabError` that came with a goodbye: the window to come back within. */
class ReconnectAdvice extends Error {
  override readonly name = "ReconnectAdvice";

  constructor(readonly windowMs: number) {
    super(`come back within ${windowMs} ms`);
  }
}

/** A goodbye's reason, with its advice to come back after a random wait of up to `windowMs`. */
export function withReconnectWindow(reason: ConfabError, windowMs: number | undefined): ConfabError {
  if (windowMs === undefined) return reason;
  return new ConfabError(reason.code, reason.message, { ...reason.facts, cause: new ReconnectAdvice(windowMs) });
}

/** The window of the goodbye that an error comes from, if any. */
export function reconnectWindowMs(error: ConfabError): number | undefined {
  let each: unknown = error;
  // As deep as `sendLost` wraps, and some more; a chain of causes may be a circle, in theory.
  for (let depth = 0; depth < 8 && each instanceof Error; depth++) {
    if (each instanceof ReconnectAdvice) return each.windowMs;
    each = each.cause;
  }
  return undefined;
}
