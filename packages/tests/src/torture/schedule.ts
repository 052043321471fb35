import type { Random } from "@confab/contract/testing/random";

/**
 * What happens to everybody at once: `storm` resets all connections; `kill` is SIGKILL to a node, `restart` SIGTERM, and both
 * start it again. The others are of nodes that share a Redis: it is killed or restarted with its data (`wipe`: without), or
 * drops the nodes' connections, those that hear or those that command.
 */
export type Blow =
  | "storm"
  | "kill"
  | "restart"
  | "kill-redis"
  | "restart-redis"
  | "wipe-redis"
  | "cut-pubsub"
  | "cut-commands";

export interface ScheduledBlow {
  readonly atMs: number;
  readonly blow: Blow;
}

/** On average one blow in so many seconds: each is followed by a time in which everybody has come back. */
const secondsPerBlow = 5;

/** The blows of a run: each kind at least once, spread over the run, in an order that the seed decides. */
export function scheduleBlows(
  seconds: number,
  kinds: readonly [Blow, ...Blow[]],
  random: Random,
): readonly ScheduledBlow[] {
  const count = Math.max(kinds.length, Math.round(seconds / secondsPerBlow));
  const slotMs = (seconds * 1_000) / count;
  const firstOnes = shuffled(kinds, random);
  return Array.from({ length: count }, (_, slot) => ({
    // Not in the last part of a slot, so that the next blow does not come before the server is back.
    atMs: Math.round((slot + 0.1 + 0.6 * random.next()) * slotMs),
    blow: firstOnes[slot] ?? random.pick(kinds),
  }));
}

function shuffled<T>(items: readonly T[], random: Random): T[] {
  const rest = [...items];
  return items.flatMap(() => rest.splice(random.int(0, rest.length - 1), 1));
}
