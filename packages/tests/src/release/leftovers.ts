import { type Activity, count } from "./activity.js";
import { type Census, CensusTaker, fileDescriptors, growth } from "./census.js";

/** Sockets and timers are settled when their number stays the same for this long, in milliseconds. */
const quietMs = 80;

/** The longest wait for that, in milliseconds. */
const settleTimeoutMs = 5_000;

/**
 * What is kept for a time is forgotten by sweeps: once a second, of what was over 100 ms before. The server is in this process, so its
 * sweep comes before the end of this wait however busy the machine is.
 */
const sweptMs = 1_200;

/**
 * Do activities again and again, and say what is left of them.
 *
 * An activity does something `count` times. If there are half as many more of a kind after it, and so again after it was
 * done once more, they were left; less is the noise of a running process. All activities are done together, because a
 * census takes a while. Only when something was left, halves of them are done, until it is known which activity leaves it.
 */
export async function leftovers(activities: readonly Activity[]): Promise<string[]> {
  const taker = new CensusTaker();
  try {
    return await new Search(taker).among(activities);
  } finally {
    taker.close();
  }
}

class Search {
  private rounds = 0;

  constructor(private readonly taker: CensusTaker) {}

  async among(activities: readonly Activity[]): Promise<string[]> {
    const left = await this.leftBy(activities);
    const [first, ...others] = activities;
    if (left.length === 0 || !first) return [];
    if (others.length === 0) return [`${count} times ${first.name}: ${left.join(", ")}`];
    const middle = Math.ceil(activities.length / 2);
    const found = [...(await this.among(activities.slice(0, middle))), ...(await this.among(activities.slice(middle)))];
    if (found.length > 0) return found;
    // What is left of all of them together is left each time; the noise of a busy machine is not.
    const again = await this.leftBy(activities, 5);
    return again.length === 0 ? [] : [`all of these together, and none alone: ${again.join(", ")}`];
  }

  /** @param times How often in a row there must be more of a kind. */
  private async leftBy(activities: readonly Activity[], times = 2): Promise<readonly string[]> {
    // The first time fills caches and pools.
    let before = await this.censusAfter(activities);
    let suspects: readonly string[] | undefined;
    for (let time = 1; ; time++) {
      const after = await this.censusAfter(activities);
      const grown = growth(before, after, count / 2);
      suspects = suspects?.filter((kind) => grown.includes(kind)) ?? grown;
      if (suspects.length === 0) return [];
      if (time === times) return suspects.map((kind) => `${(after[kind] ?? 0) - (before[kind] ?? 0)} ${kind}`);
      before = after;
    }
  }

  private async censusAfter(activities: readonly Activity[]): Promise<Census> {
    const round = String(this.rounds++);
    for (const activity of activities) await activity.run(round);
    await settled();
    return this.taker.take();
  }
}

/** Resolves when no socket is opened or closed any more, and what was to be forgotten has been. */
async function settled(): Promise<void> {
  await quiet();
  await new Promise((resolve) => setTimeout(resolve, sweptMs));
}

async function quiet(): Promise<void> {
  const endMs = performance.now() + settleTimeoutMs;
  let [resources, sinceMs] = ["", performance.now()];
  while (performance.now() < endMs && performance.now() - sinceMs < quietMs) {
    await new Promise((resolve) => setTimeout(resolve, 10));
    const now = `${process.getActiveResourcesInfo().length} ${fileDescriptors()}`;
    if (now !== resources) [resources, sinceMs] = [now, performance.now()];
  }
}
