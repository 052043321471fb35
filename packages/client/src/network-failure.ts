import { ConfabError, type ErrorCode } from "@confab/contract";

/** Under a `ConfabError` that no server sent: there was no connection, or it was lost. */
class NetworkFailure extends Error {
  override readonly name = "NetworkFailure";
}

/**
 * The error of a call whose server could not be reached or was lost.
 *
 * `code` is ENGINE_UNAVAILABLE where nothing was sent or nothing can have been stored, and OUTCOME_UNKNOWN for a send on
 * its way.
 */
export function networkFailure(code: ErrorCode, message: string, cause?: unknown): ConfabError {
  return new ConfabError(code, message, { cause: new NetworkFailure(message, { cause }) });
}

/** Under a network failure: the server can be reached, but not over this transport. */
class TransportBlocked extends Error {
  override readonly name = "TransportBlocked";
}

/** The error of a connection that something between us and a server that can be reached does not let through. */
export function transportBlocked(error: ConfabError): ConfabError {
  const message = `the server can be reached, but not like this: ${error.message}`;
  return networkFailure("ENGINE_UNAVAILABLE", message, new TransportBlocked(error.message, { cause: error }));
}

export function isTransportBlocked(error: unknown): boolean {
  return causesOf(error).some((each) => each instanceof TransportBlocked);
}

/** Whether an error is the network's and not a server's answer. */
export function isNetworkFailure(error: unknown): boolean {
  return error instanceof ConfabError && error.facts.cause instanceof NetworkFailure;
}

/** The error of a send whose connection was lost while its answer was awaited. */
export function sendLost(error: ConfabError): ConfabError {
  return networkFailure("OUTCOME_UNKNOWN", `${error.message}; the message may have been stored`, error);
}

/** What went wrong with a send's request: `sendLost`, if it was the network and the request may have left. */
export function asOutcomeUnknown(error: unknown): unknown {
  if (!(error instanceof ConfabError) || !isNetworkFailure(error) || wasNeverSent(error)) return error;
  return sendLost(error);
}

/** The `code` of an error that only comes before anything was sent, where no system error says so. */
export const neverSentCode = "ERR_NEVER_SENT";

/** System errors of a connection that was never made (getaddrinfo(3), connect(2)). */
const unconnectedCodes = new Set([
  "ECONNREFUSED",
  "ENOTFOUND",
  "EAI_AGAIN",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "UND_ERR_CONNECT_TIMEOUT",
  neverSentCode,
]);

/** Whether the system said that there was no connection to send on. Browsers never say. */
function wasNeverSent(error: unknown): boolean {
  for (const each of causesOf(error)) {
    if ("code" in each && typeof each.code === "string" && unconnectedCodes.has(each.code)) return true;
  }
  return false;
}

/** The most telling text about why the network failed: the deepest cause that has one. */
export function networkFailureText(error: unknown): string {
  const texts = causesOf(error)
    .map((each) => each.message)
    .filter((text) => text !== "");
  return texts.at(-1) ?? "the network failed";
}

/** An error, its cause and so on, and the parts of an aggregate (Node tries several addresses). */
function causesOf(error: unknown): Error[] {
  const found: Error[] = [];
  const queue = [error];
  // A chain of causes may be a circle, in theory; sixteen is more than any real one.
  while (queue.length > 0 && found.length < 16) {
    const each = queue.shift();
    if (!(each instanceof Error)) continue;
    found.push(each);
    if (each instanceof AggregateError) queue.push(...each.errors);
    queue.push(each instanceof ConfabError ? each.facts.cause : each.cause);
  }
  return found;
}
