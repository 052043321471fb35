import { type BegunDeletion, type DeletionNotes, deletionFrom, deletionText } from "../../core/index.js";
import type { Keys } from "./keys.js";
import { confabErrorFromRedis } from "./redis-error.js";
import type { RedisLink } from "./redis-link.js";
import { putDeletionScript, takeDeletionsScript } from "./scripts/deletions.js";

export interface SharedDeletionsDeps {
  readonly link: RedisLink;
  readonly keys: Pick<Keys, "deletions">;
  /** What to add to Redis's clock, in milliseconds: 0 but in tests. */
  readonly clockSkewMs: () => number;
}

/** Deletions in progress on all nodes, in Redis. */
export class SharedDeletions implements DeletionNotes {
  constructor(private readonly deps: SharedDeletionsDeps) {}

  async put(deletion: BegunDeletion): Promise<void> {
    const { link, keys, clockSkewMs } = this.deps;
    const args = [String(clockSkewMs()), deletionText(deletion)];
    try {
      await link.run(putDeletionScript, [keys.deletions], args, true);
    } catch (thrown) {
      throw confabErrorFromRedis(thrown, true);
    }
  }

  async remove(deletion: BegunDeletion): Promise<void> {
    const { link, keys } = this.deps;
    await link.send(keys.deletions, ["ZREM", keys.deletions, deletionText(deletion)]);
  }

  async take(ageMs: number, limit: number): Promise<readonly BegunDeletion[]> {
    const { link, keys, clockSkewMs } = this.deps;
    const args = [String(clockSkewMs()), String(ageMs), String(limit)];
    try {
      const members = (await link.run(takeDeletionsScript, [keys.deletions], args)) as Buffer[];
      return members.flatMap((member) => deletionFrom(member.toString("latin1")) ?? []);
    } catch (thrown) {
      throw confabErrorFromRedis(thrown, false);
    }
  }
}
