import { ConfabError } from "@confab/contract";
import { ErrorReply } from "@redis/client";

/** There is no connection now, or it ended while a command was on it. */
export class RedisLostError extends Error {
  override readonly name = "RedisLostError";

  constructor(
    message: string,
    /** Whether the server may have got the command. */
    readonly wasWritten: boolean,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** How long a client is asked to wait for a Redis that is away, in milliseconds: some attempts to reconnect. */
const retryAfterMs = 1_000;

/** Full memory takes an operator, or retention somewhere else. */
const fullRetryAfterMs = 5_000;

/** Replies that mean "not now": nothing was done (redis.io, "Redis protocol specification"; src/server.c, shared objects). */
const unavailableCodes = new Set([
  "READONLY",
  "LOADING",
  "MASTERDOWN",
  "CLUSTERDOWN",
  "NOREPLICAS",
  "BUSY",
  "MISCONF",
  "TRYAGAIN",
  "MOVED",
  "ASK",
  // The password or the rights were changed while we were connected: an operator is at work.
  "NOAUTH",
  "WRONGPASS",
  "NOPERM",
]);

/** What Redis's text begins with: its error code, as `OOM` or `READONLY`; undefined for what is no error reply. */
export function redisErrorCode(thrown: unknown): string | undefined {
  return thrown instanceof ErrorReply ? /^([A-Z]+)\b/.exec(thrown.message)?.[1] : undefined;
}

/** What went wrong in a command, as an error of the catalogue; `isWrite`: the command changes what is stored. */
export function confabErrorFromRedis(thrown: unknown, isWrite: boolean): ConfabError {
  if (thrown instanceof ConfabError) return thrown;
  if (thrown instanceof RedisLostError) {
    return isWrite && thrown.wasWritten
      ? new ConfabError("OUTCOME_UNKNOWN", "Redis did not answer; the message may have been stored", {
          retryAfterMs,
          cause: thrown,
        })
      : unavailable("Redis cannot be reached", thrown);
  }
  const code = redisErrorCode(thrown);
  if (code === "OOM") {
    return new ConfabError("STORAGE_FULL", "Redis has no memory left; nothing was stored", {
      retryAfterMs: fullRetryAfterMs,
      cause: thrown,
    });
  }
  if (code !== undefined && unavailableCodes.has(code)) return unavailable(`Redis refuses for now (${code})`, thrown);
  return new ConfabError("INTERNAL", "Redis refused a command", { cause: thrown });
}

function unavailable(text: string, cause: unknown): ConfabError {
  return new ConfabError("ENGINE_UNAVAILABLE", text, { retryAfterMs, cause });
}
