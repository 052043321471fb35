import type { Limits } from "@confab/contract/limits";

/**
 * The silence after which a peer is pinged, in milliseconds. At most half of `readerStallMs`, after which a silent peer is
 * given up, so that the answer has as long again.
 */
export function pingIntervalOf({
  pingIntervalMs,
  readerStallMs,
}: Pick<Limits, "pingIntervalMs" | "readerStallMs">): number {
  return Math.min(pingIntervalMs, readerStallMs / 2);
}
