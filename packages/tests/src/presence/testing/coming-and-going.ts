import assert from "node:assert/strict";
import type { Random } from "@confab/contract/testing/random";
import { becomes, type Node, type RoomId } from "./redis-nodes.js";

/** Users who come to some rooms on some nodes and leave them, and who should be there in the end. */
export class ComingAndGoing {
  private readonly present: { readonly node: Node; readonly room: RoomId; readonly user: string }[] = [];

  constructor(
    private readonly nodes: readonly Node[],
    private readonly rooms: readonly RoomId[],
    private readonly random: Random,
  ) {}

  /** So many users come or go. */
  step(count: number): void {
    const { random, nodes, rooms, present } = this;
    for (let i = 0; i < count; i++) {
      const leaving = random.oneIn(2) ? present.splice(random.int(0, present.length), 1)[0] : undefined;
      if (leaving) {
        leaving.node.engine.members.leave(leaving.room, leaving.user);
        continue;
      }
      const node = nodes[random.int(0, nodes.length - 1)];
      const room = rooms[random.int(0, rooms.length - 1)];
      assert.ok(node && room);
      const user = random.oneIn(5) ? "" : `user-${random.int(0, 30)}`;
      present.push({ node, room, user });
      node.engine.members.enter(room, user);
    }
  }

  /** Wait until every node says of every room who is there. */
  async settle(): Promise<void> {
    for (const room of this.rooms) {
      const there = this.present.filter((one) => one.room === room);
      const connections = new Map<string, number>();
      for (const { user } of there) connections.set(user, (connections.get(user) ?? 0) + 1);
      connections.delete("");
      const expected = [...connections]
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([user, count]) => ({ user, connections: count }));
      for (const { engine } of this.nodes) {
        await becomes(
          async () => ({
            room,
            page: await engine.members.page(room, "", 1_000),
            counts: await engine.members.counts([room]),
          }),
          { room, page: expected, counts: [{ members: expected.length, subscribers: there.length }] },
        );
      }
    }
  }
}
