import { parsePosition } from "@confab/contract";

/**
 * Whether a reading that was asked to begin after one position begins there. The epoch may be another one: after a restore
 * the server takes positions of the epoch before, and says what they are called now. Otherwise it refuses them.
 */
export function isSamePlace(asked: string, begun: string): boolean {
  return begun === asked || (parsePosition(begun)?.offset ?? -1) === parsePosition(asked)?.offset;
}
