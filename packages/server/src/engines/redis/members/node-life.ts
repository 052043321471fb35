import type { RoomId } from "../../../core/index.js";
import type { RedisLink } from "../redis-link.js";
import type { DeadNodes } from "./dead-nodes.js";
import type { MemberKeys } from "./member-keys.js";
import type { MembersWriter } from "./members-writer.js";
import type { OwnRoom, OwnRooms } from "./own-rooms.js";
import { heartbeatScript } from "./scripts.js";

export interface NodeLifeDeps {
  readonly link: RedisLink;
  readonly keys: MemberKeys;
  readonly own: OwnRooms;
  readonly writer: () => MembersWriter;
  readonly deadNodes: DeadNodes;
  /** How long the others wait for a sign of life, in milliseconds. A third of it is the pause between two. */
  readonly nodeTimeoutMs: number;
  /** A name for a node that none has had before. */
  readonly newNodeName: () => string;
  /** Told of what went wrong, each time. */
  readonly failed: (thrown: unknown) => void;
}

/** Rooms compared with Redis together, and how many with each sign of life when all seems well. */
const roomsPerSlice = 256;
const roomsPerBeat = 1_024;

/** Names of rooms added to a set in one command. */
const namesPerCommand = 1_000;

/**
 * Tells the other nodes that this one is alive, and removes those that are not.
 *
 * A node that was taken for dead while it only slept, or whose Redis has lost everything, goes on under another name: it
 * writes its whole truth under the new one first, and then has the old one removed, so that its members do not seem to leave.
 */
export class NodeLife {
  private isKnown = false;
  private lastBeatAtMs = Number.NEGATIVE_INFINITY;
  private hadTrouble = false;
  private isTidying = false;
  private isClosed = false;
  private timer: NodeJS.Timeout | undefined;
  /** Names that this node has given up, and the rooms that it was in under each. */
  private readonly formerNames = new Map<string, readonly RoomId[]>();
  private comparing: Iterator<OwnRoom> | undefined;

  constructor(private readonly deps: NodeLifeDeps) {}

  private get pauseMs(): number {
    return this.deps.nodeTimeoutMs / 3;
  }

  /** Whether the others surely count on this node still: a writing that is sent now comes before they give it up. */
  get isTrusted(): boolean {
    return performance.now() - this.lastBeatAtMs < 2 * this.pauseMs;
  }

  start(): void {
    void this.beat();
  }

  close(): void {
    this.isClosed = true;
    clearTimeout(this.timer);
  }

  /** Never rejects. */
  private async beat(): Promise<void> {
    try {
      await this.giveSign();
      // The next sign does not wait for it.
      void this.tidyUp();
    } catch (thrown) {
      this.deps.failed(thrown);
      this.hadTrouble = true;
    }
    if (this.isClosed) return;
    this.timer = setTimeout(() => void this.beat(), this.pauseMs);
    this.timer.unref();
  }

  /** Never rejects. After trouble Redis is asked for everything that it should know. */
  private async tidyUp(): Promise<void> {
    if (this.isTidying || this.isClosed) return;
    this.isTidying = true;
    const isThorough = this.hadTrouble;
    this.hadTrouble = false;
    try {
      await this.retireFormerNames();
      await this.compare(isThorough);
    } catch (thrown) {
      this.deps.failed(thrown);
      this.hadTrouble = true;
    } finally {
      this.isTidying = false;
    }
  }

  private async giveSign(): Promise<void> {
    const { link, keys, nodeTimeoutMs, deadNodes } = this.deps;
    const writer = this.deps.writer();
    const sentAtMs = performance.now();
    const times = [nodeTimeoutMs, Math.ceil(this.pauseMs), nodeTimeoutMs].map(String);
    const reply = await link.run(heartbeatScript, [keys.aliveNodes, keys.deadNodes], [writer.node, ...times]);
    if (this.isClosed) return;
    const [wasAlive, ...dead] = reply as [number, ...Buffer[]];
    for (const node of dead) void deadNodes.remove(String(node));
    if (wasAlive === 0 && this.isKnown) {
      this.changeName(writer);
      await this.giveSign();
      return;
    }
    this.isKnown = true;
    this.lastBeatAtMs = sentAtMs;
    writer.resume();
  }

  private changeName(writer: MembersWriter): void {
    const { own, newNodeName } = this.deps;
    this.formerNames.set(
      writer.node,
      [...own.all()].map(({ room }) => room),
    );
    this.isKnown = false;
    writer.startAnew(newNodeName());
  }

  private async retireFormerNames(): Promise<void> {
    if (this.formerNames.size === 0 || !this.deps.writer().isWrittenAnew) return;
    const { link, keys } = this.deps;
    for (const [name, rooms] of this.formerNames) {
      // What was on its way when the name was given up may have come after its removal by another node.
      const key = keys.nodeRooms(name);
      for (let from = 0; from < rooms.length; from += namesPerCommand) {
        await link.send(key, ["SADD", key, ...rooms.slice(from, from + namesPerCommand)]);
      }
      await link.send(keys.deadNodes, ["ZADD", keys.deadNodes, "0", name]);
      await link.send(keys.aliveNodes, ["ZREM", keys.aliveNodes, name]);
      this.formerNames.delete(name);
    }
  }

  /** Ask Redis whether it has the last that this node wrote to its rooms: to some, or to all of them. */
  private async compare(isThorough: boolean): Promise<void> {
    if (isThorough) this.comparing = undefined;
    let left = isThorough ? this.deps.own.size : roomsPerBeat;
    while (left > 0 && !this.isClosed) {
      const slice: OwnRoom[] = [];
      this.comparing ??= this.deps.own.all()[Symbol.iterator]();
      while (slice.length < Math.min(left, roomsPerSlice)) {
        const next = this.comparing.next();
        if (next.done) {
          this.comparing = undefined;
          left = 0;
          break;
        }
        slice.push(next.value);
      }
      left -= slice.length;
      await Promise.all(slice.map((own) => this.compareRoom(own)));
    }
  }

  private async compareRoom(own: OwnRoom): Promise<void> {
    const { link, keys, own: rooms } = this.deps;
    const writer = this.deps.writer();
    const { stamp } = own;
    const key = keys.nodes(own.room);
    if (writer.isWaiting(own.room)) return;
    const found = await link.send(key, ["HGET", key, writer.node]);
    // A writing that came between has compared by itself.
    if (own.stamp !== stamp || writer.isWaiting(own.room) || rooms.get(own.room) !== own) return;
    if (String(found ?? "") === stamp) return;
    own.isSuspect = true;
    writer.add(own.room);
  }
}
