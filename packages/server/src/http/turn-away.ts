import type { Duplex } from "node:stream";

/** How long a client that is turned away may take to read why, in milliseconds. */
const lingerMs = 2_000;

/**
 * Send a last answer and end the connection. What the peer still sends is read and dropped for a while: closing with
 * unread bytes resets the connection, and the peer may lose the answer (RFC 9112 §9.6).
 */
export function turnAway(socket: Duplex, answer: Uint8Array): void {
  socket.on("error", ignoreError);
  const giveUp = setTimeout(() => socket.destroy(), lingerMs);
  socket.on("close", () => clearTimeout(giveUp));
  socket.end(answer);
  socket.resume();
}

function ignoreError(): void {
  // "close" follows, and nothing is left to answer.
}
