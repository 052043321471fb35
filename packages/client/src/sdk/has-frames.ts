import type { Link } from "../link.js";

/**
 * Whether a link runs over one connection of frames. Such a connection keeps the order of what is sent on it, also until
 * its end, and notices a dead peer by the server's pings.
 */
export function hasFrames({ transport }: Link): boolean {
  return transport === "websocket-json" || transport === "websocket-proto";
}
