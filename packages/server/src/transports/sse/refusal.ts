import type { ConfabError } from "@confab/contract";
import type { Exchange, Fields } from "../../http/exchange.js";
import { streamedReplyFields } from "../../http/streamed-reply.js";
import { errorJson, respondError } from "../../http-reply/index.js";
import { isStranger, type Principal } from "../../service/index.js";
import { eventText } from "./event.js";

export const eventStreamFields: Fields = { "content-type": "text/event-stream", ...streamedReplyFields };

/**
 * The id of an error event after which coming back is of no use. An `EventSource` comes back whenever its stream ends, and
 * gives the last id that it saw: when it gives this one, it is answered with 204, which is how a server ends it for good
 * (HTML standard, "Server-sent events": any status but 200 fails the connection).
 */
export const finalEventId = "ended";

/**
 * Why a stream ends, as its last event. `retryMs`: when the client should come back, if that is of use. `isForGood`: whether
 * it is told not to.
 */
export function errorEvent(error: ConfabError, retryMs?: number, isForGood = isFinal(error)): Uint8Array {
  return Buffer.from(
    eventText({
      name: "error",
      json: errorJson(error),
      ...(retryMs !== undefined && { retryMs }),
      ...(isForGood && { id: finalEventId }),
    }),
  );
}

/** Its cookie is renewed by its page: an `EventSource` whose token expired comes back with another one. */
function isFinal(error: ConfabError): boolean {
  return !error.kind.retry && error.code !== "TOKEN_EXPIRED";
}

/**
 * Whether an `EventSource` that read before is refused only since it shows no token now. A cookie with a lifetime is gone when
 * its token expires, so this is the same as a token that has expired: its page may set the next one a moment later.
 */
export function hasLostCookie(error: ConfabError, principal: Principal): boolean {
  return isStranger(principal) || (error.code === "PERMISSION_DENIED" && principal.user === undefined);
}

/**
 * Answer the request of a stream that cannot begin. A client that takes nothing but an event stream, as every
 * `EventSource` does, would see neither the status nor the body of an HTTP error, and never come back: it gets the error as
 * the stream's one event. Every other client gets the HTTP error.
 */
export function refuseStream(
  exchange: Exchange,
  error: ConfabError,
  { retryMs, mayComeBack }: { readonly retryMs: number; readonly mayComeBack: boolean },
): void {
  if (!takesOnlyEvents(exchange.request.headers["accept"])) {
    respondError(exchange, error);
    return;
  }
  exchange.respond(200, eventStreamFields);
  exchange.write(errorEvent(error, retryMs, mayComeBack ? false : undefined));
  exchange.end();
}

/** End an `EventSource` that was told that it is over, and came back all the same. */
export function endForGood(exchange: Exchange): void {
  exchange.respond(204, { "cache-control": "no-store" });
  exchange.end();
}

/** Whether an `accept` names event streams alone. `EventSource` sends exactly that; curl sends any type. */
function takesOnlyEvents(accept: string | undefined): boolean {
  const ranges = accept?.split(",") ?? [];
  return ranges.length > 0 && ranges.every((range) => /^\s*text\/event-stream\s*(;.*)?$/i.test(range));
}
