import { createHash } from "node:crypto";
import { Random } from "@confab/contract/testing/random";

/**
 * The random numbers of one part of a run. Each part has its own, so that how often one of them asks, which real time
 * decides, does not change what the others get.
 */
export function randomFor(seed: number, part: string): Random {
  return new Random(createHash("sha256").update(`${seed} ${part}`).digest().readInt32BE(0));
}
