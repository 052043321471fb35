import type { ConfabError } from "@confab/contract";
import { closeReason } from "./protocol/close-code.js";
import type { WebSocketConnection } from "./protocol/connection.js";

/** RFC 6455 §7.4.1: "a generic status code that can be returned when there is no other more suitable status code". */
const policyViolation = 1008;

/** Of the IANA registry: "try again later". */
const tryAgainLater = 1013;

/**
 * The close code for an error that ends a connection. Errors that usually are replies have none of their own in the
 * catalogue; one of these two then says whether to come back, and a frame before it has said why.
 */
export function closeCodeFrom({ kind }: ConfabError): number {
  return kind.close ?? (kind.retry ? tryAgainLater : policyViolation);
}

/** End a connection with an error, after what was written before. `timeoutMs`: see `WebSocketConnection.close`. */
export function closeWith(connection: WebSocketConnection, error: ConfabError, timeoutMs?: number): void {
  connection.close(closeCodeFrom(error), closeReason(error), timeoutMs);
}
