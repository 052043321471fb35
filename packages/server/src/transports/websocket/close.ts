import type { ConfabError } from "@confab/contract";
import { closeCodeFrom, closeReason } from "./protocol/close-code.js";
import type { WebSocketConnection } from "./protocol/connection.js";

/** End a connection with an error, after what was written before. `timeoutMs`: see `WebSocketConnection.close`. */
export function closeWith(connection: WebSocketConnection, error: ConfabError, timeoutMs?: number): void {
  connection.close(closeCodeFrom(error), closeReason(error), timeoutMs);
}
