import type { Random } from "@confab/contract/testing/random";

/** How a connection's bytes travel. */
export type Pace =
  | { readonly kind: "prompt" }
  | { readonly kind: "delay"; readonly maxMs: number }
  | { readonly kind: "throttle"; readonly bytesPerSecond: number };

/** `up` is from the client to the server. */
export type Way = "up" | "down";

/** What happens to a connection once so many bytes have passed, both ways together. */
export type Ending =
  | { readonly kind: "none" }
  /** RST to both, between two chunks. */
  | { readonly kind: "reset"; readonly afterBytes: number }
  /** FIN to both, between two chunks. */
  | { readonly kind: "finish"; readonly afterBytes: number }
  /** RST to both, exactly there: most often in the middle of a chunk and of a message. */
  | { readonly kind: "truncate"; readonly afterBytes: number }
  /** Half-open: nothing passes any more on these ways, and nobody is told. RST to both after `forMs`. */
  | { readonly kind: "stall"; readonly afterBytes: number; readonly ways: readonly Way[]; readonly forMs: number };

/** All that a proxy does to one connection. It never repeats, reorders or changes a byte: TCP does not. */
export interface Fate {
  readonly pace: Pace;
  readonly ending: Ending;
}

export const harmless: Fate = { pace: { kind: "prompt" }, ending: { kind: "none" } };

export function drawFate(random: Random): Fate {
  return { pace: drawPace(random), ending: drawEnding(random) };
}

function drawPace(random: Random): Pace {
  switch (random.pick(["prompt", "prompt", "prompt", "delay", "throttle"] as const)) {
    case "prompt":
      return { kind: "prompt" };
    case "delay":
      return { kind: "delay", maxMs: random.int(5, 120) };
    case "throttle":
      // From a reader that falls behind in any room to one that is slow only in the bulky one.
      return { kind: "throttle", bytesPerSecond: Math.round(6_000 * 50 ** random.next()) };
  }
}

function drawEnding(random: Random): Ending {
  // Small numbers as often as large ones: some connections die in their first request, others after thousands of messages.
  const afterBytes = Math.round(10 ** (2 + 4.5 * random.next()));
  const kind = random.pick(["none", "none", "none", "reset", "finish", "truncate", "stall"] as const);
  if (kind === "none") return { kind };
  if (kind !== "stall") return { kind, afterBytes };
  const ways = random.pick<readonly Way[]>([["up"], ["down"], ["up", "down"]]);
  return { kind, afterBytes, ways, forMs: random.int(3_000, 9_000) };
}
