import type { OccupancyListener, RoomId } from "../../../core/index.js";
import type { RedisLink } from "../redis-link.js";
import type { MemberKeys } from "./member-keys.js";
import { writeMembersScript, writtenMembers } from "./scripts.js";

export interface DeadNodesDeps {
  readonly link: RedisLink;
  readonly keys: MemberKeys;
  readonly maxEventMembers: number;
  readonly occupancyChanged: OccupancyListener;
  /** Told of what went wrong, each time. */
  readonly failed: (thrown: unknown) => void;
}

/** Rooms looked at together, and users removed in one run of the script. */
const roomsPerSlice = 64;
const usersPerRun = 500;

/**
 * Removes what a dead node has left: room by room, in slices that Redis does not feel. Nothing is decided here, so any
 * number of nodes may be at it, and whoever stops in the middle leaves the rest to the next.
 */
export class DeadNodes {
  private readonly underWay = new Set<string>();

  constructor(private readonly deps: DeadNodesDeps) {}

  /** Never rejects: what cannot be done now is asked for again. */
  async remove(node: string): Promise<void> {
    if (this.underWay.has(node)) return;
    this.underWay.add(node);
    try {
      await this.removeAll(node);
    } catch (thrown) {
      // The heartbeat asks some node again for the removal, later.
      this.deps.failed(thrown);
    } finally {
      this.underWay.delete(node);
    }
  }

  private async removeAll(node: string): Promise<void> {
    const { link, keys } = this.deps;
    const key = keys.nodeRooms(node);
    for (;;) {
      const some = await link.send(key, ["SRANDMEMBER", key, String(roomsPerSlice)]);
      const rooms = (some as Buffer[]).map((room) => String(room) as RoomId);
      if (rooms.length === 0) break;
      await Promise.all(rooms.map((room) => this.removeFrom(room, node)));
      await link.send(key, ["SREM", key, ...rooms]);
    }
    await link.send(keys.deadNodes, ["ZREM", keys.deadNodes, node]);
  }

  private async removeFrom(room: RoomId, node: string): Promise<void> {
    const { link, keys, maxEventMembers } = this.deps;
    const key = keys.nodeMembers(room, node);
    for (let cursor = "0"; ; ) {
      const reply = await link.send(key, ["HSCAN", key, cursor, "COUNT", String(usersPerRun)]);
      const [next, pairs] = reply as [Buffer, Buffer[]];
      const args = [node, "*", "", String(maxEventMembers)];
      const gone = pairs.flatMap((user, index) => (index % 2 === 0 ? [user, "0"] : []));
      const written = await link.run(writeMembersScript, keys.writing(room, node), [...args, ...gone]);
      const { isOccupied } = writtenMembers(written);
      if (isOccupied !== undefined) this.deps.occupancyChanged(room, isOccupied);
      cursor = String(next);
      if (cursor === "0") break;
    }
  }
}
