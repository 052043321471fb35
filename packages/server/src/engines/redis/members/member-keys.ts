import type { RoomId } from "../../../core/index.js";

/**
 * The names of what Redis keeps of presence.
 *
 *     confab:{lobby}:members  sorted set of its members' names, all with score 0, so ordered by name
 *     confab:{lobby}:shared   hash: a member whom several nodes have, to how many of them but one
 *     confab:{lobby}:nodes    hash: a node to its stamp in this room, which begins with its number of subscriptions
 *     confab:{lobby}:node:N   hash: a member whom node N has, to its subscriptions there
 *     confab:{lobby}:idle     since when no node has been in the room, as a sweep found (remove-room.ts)
 *     confab:node:{N}:rooms   set of the rooms that node N may be in
 *     confab:{nodes}:alive    sorted set of the nodes, each with the time until which it needs no further sign of life
 *     confab:{nodes}:asked   channel: what a node asks all others
 *     confab:{nodes}:told:A  channel: the answers to the process A
 *     confab:{nodes}:dead     sorted set of the nodes that are to be removed, each with the time until which some node is at it
 *
 * What one script touches is in one slot of a Cluster. No room's keys end in `alive` or `dead`, so one called `nodes` may be.
 */
export class MemberKeys {
  readonly aliveNodes: string;
  readonly deadNodes: string;
  readonly asked: string;

  constructor(private readonly prefix: string) {
    this.aliveNodes = `${prefix}:{nodes}:alive`;
    this.deadNodes = `${prefix}:{nodes}:dead`;
    this.asked = `${prefix}:{nodes}:asked`;
  }

  /** Where a process is told the answers to what it has asked. */
  told(process: string): string {
    return `${this.prefix}:{nodes}:told:${process}`;
  }

  members(room: RoomId): string {
    return `${this.prefix}:{${room}}:members`;
  }

  nodes(room: RoomId): string {
    return `${this.prefix}:{${room}}:nodes`;
  }

  nodeMembers(room: RoomId, node: string): string {
    return `${this.prefix}:{${room}}:node:${node}`;
  }

  nodeRooms(node: string): string {
    return `${this.prefix}:node:{${node}}:rooms`;
  }

  idle(room: RoomId): string {
    return `${this.prefix}:{${room}}:idle`;
  }

  /** What the writing of a node's members of a room touches. */
  writing(room: RoomId, node: string): string[] {
    const stem = `${this.prefix}:{${room}}:`;
    return [`${stem}members`, `${stem}shared`, `${stem}nodes`, `${stem}node:${node}`, `${stem}bus`, `${stem}idle`];
  }
}
