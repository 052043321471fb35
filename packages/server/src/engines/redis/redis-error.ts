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

/** A room in a later format waits for this node's upgrade, unless the client meets another node. */
const newerRetryAfterMs = 5_000;

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

/** A room that a later version has stored in a format that this one does not know. */
export interface NewerRoom {
  readonly room: string;
  readonly format: number;
}

/** The room that a script has refused for its format (scripts/room-record.ts); undefined: something else went wrong. */
export function newerRoomIn(thrown: unknown): NewerRoom | undefined {
  if (redisErrorCode(thrown) !== "NEWERFORMAT") return undefined;
  const [, format, room] = /^NEWERFORMAT (\d+) .*\{(.*)\}:meta$/.exec((thrown as ErrorReply).message) ?? [];
  return room === undefined ? undefined : { room, format: Number(format) };
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
  const newer = newerRoomIn(thrown);
  if (newer) {
    const text = `room ${newer.room} is stored in format ${newer.format}, which this node does not know: upgrade the node, or use one of the newer version`;
    return new ConfabError("NEWER_FORMAT", text, { retryAfterMs: newerRetryAfterMs, cause: thrown });
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
