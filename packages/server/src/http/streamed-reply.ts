import type { Fields } from "./exchange.js";

/**
 * Header fields of every reply whose body is sent as it comes into being, whatever the transport.
 *
 * `x-accel-buffering`: nginx, and the proxies that copied it, keep a reply back until a buffer of some kilobytes is full,
 * unless this says otherwise; a message then arrives when twenty more were sent. `no-store, no-transform`: caches wait for
 * the end of what they store, and proxies that compress (RFC 9111 §5.2.2.6) hold bytes back to compress them better.
 */
export const streamedReplyFields: Fields = {
  "cache-control": "no-store, no-transform",
  "x-accel-buffering": "no",
};
