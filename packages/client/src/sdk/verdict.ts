import { ConfabError, type ErrorCode } from "@confab/contract";
import { isClientFault } from "../client-fault.js";
import { isNetworkFailure } from "../network-failure.js";

/**
 * What to do about an error of an operation.
 *
 * - `reconnect`: the connection is lost or not to be trusted; go on over a new one.
 * - `retry`: the server is there and says "later".
 * - `final`: the same request would be refused again.
 */
export type Verdict = "reconnect" | "retry" | "final";

/** Codes that end a connection, or after which nobody knows what it still carries. */
const connectionCodes: ReadonlySet<ErrorCode> = new Set([
  "SHUTTING_DOWN",
  "PING_TIMEOUT",
  "SLOW_READER",
  "DEADLINE_EXCEEDED",
  // Of a server that is known to be ours: something between us cut a message short.
  "PROTOCOL_VIOLATION",
  // The link was closed under the operation, because another operation found it dead.
  "CANCELLED",
]);

export function verdictOn(error: ConfabError): Verdict {
  if (isClientFault(error)) return "final";
  if (isNetworkFailure(error) || connectionCodes.has(error.code)) return "reconnect";
  return error.kind.retry ? "retry" : "final";
}

/** What a server that is not Confab answers to a question of our contract. */
const foreignCodes: ReadonlySet<ErrorCode> = new Set([
  "PROTOCOL_VIOLATION",
  "UNKNOWN_PATH",
  "UNKNOWN_METHOD",
  "METHOD_NOT_ALLOWED",
  "UNSUPPORTED_MEDIA_TYPE",
  "UNSUPPORTED_SUBPROTOCOL",
]);

/** The error of a connection that was not made, in words for whoever typed the URL. */
export function openingError(error: ConfabError, url: string): ConfabError {
  if (!isStranger(error)) return error;
  const message = `${url} does not answer as a Confab server does: ${error.message}`;
  return new ConfabError("PROTOCOL_VIOLATION", message, { cause: error });
}

/** Whether this is how a server that is not Confab answers. */
export function isStranger(error: ConfabError): boolean {
  return !isNetworkFailure(error) && foreignCodes.has(error.code);
}

/** Whether another attempt to connect may go better. */
export function isWorthReconnecting(error: ConfabError): boolean {
  return isNetworkFailure(error) || (error.kind.retry && !isClientFault(error));
}

/** Whether the server ended the connection and does not want us back as we are (errors.ts, "Close codes"). */
export function forbidsReturn(error: ConfabError): boolean {
  const { close = 0 } = error.kind;
  // OUT_OF_RANGE ends the connection of a single reading: that one's matter.
  return !isNetworkFailure(error) && error.code !== "OUT_OF_RANGE" && close >= 4000 && close <= 4499;
}
