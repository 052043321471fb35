import type { RoomId, RoomRetention } from "../../core/index.js";
import type { AgeClock } from "./age-clock.js";
import type { Keys } from "./keys.js";
import type { MemberKeys } from "./members/member-keys.js";
import type { RedisLink } from "./redis-link.js";
import type { RoomIndex } from "./room-index.js";
import { removeRoomScript } from "./scripts/remove-room.js";

export interface RoomRemovalDeps {
  readonly link: RedisLink;
  readonly keys: Keys;
  readonly memberKeys: MemberKeys;
  readonly index: RoomIndex;
  readonly ageClock: AgeClock;
  readonly retention: RoomRetention;
  readonly emptyRoomMs: number;
  /** What to add to Redis's clock, in milliseconds; 0 but in tests. */
  readonly clockSkewMs: () => number;
}

/** Removes rooms of which nothing is kept any more. The next message of such a room begins another log. */
export class RoomRemoval {
  constructor(private readonly deps: RoomRemovalDeps) {}

  /** Remove a room, unless something keeps it. Resolves to whether it was removed. @throws what the link throws. */
  async tryRemove(room: RoomId): Promise<boolean> {
    const { link, keys, memberKeys, index, ageClock, retention, emptyRoomMs, clockSkewMs } = this.deps;
    // The room may have its own age, which the script knows.
    const { maxAgeMs = 0 } = retention.of(room);
    const { log, meta, ids, marks, channel } = keys.of(room);
    const all = [log, meta, ...ids, channel, memberKeys.nodes(room), memberKeys.idle(room), marks];
    const args = [maxAgeMs, emptyRoomMs, clockSkewMs(), ageClock.nowMs()].map(String);
    if ((await link.run(removeRoomScript, all, args)) !== 1) return false;
    await index.remove(room, async () => (await link.send(meta, ["EXISTS", meta])) === 1);
    return true;
  }
}
