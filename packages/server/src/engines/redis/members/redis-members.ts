import { randomBytes } from "node:crypto";
import { hostname } from "node:os";
import type { Member, MemberCounts, MemberDirectory, OccupancyListener, RoomId } from "../../../core/index.js";
import type { EngineLog } from "../engine-log.js";
import { confabErrorFromRedis, RedisLostError } from "../redis-error.js";
import type { RedisLink } from "../redis-link.js";
import { DeadNodes } from "./dead-nodes.js";
import type { MemberKeys } from "./member-keys.js";
import { MembersWriter } from "./members-writer.js";
import { NodeLife } from "./node-life.js";
import { OwnRooms } from "./own-rooms.js";
import { countMembersScript } from "./scripts.js";

export interface RedisMembersDeps {
  readonly link: RedisLink;
  readonly keys: MemberKeys;
  readonly maxEventMembers: number;
  readonly nodeTimeoutMs: number;
  readonly log: EngineLog;
  /** @throws NEWER_FORMAT: this version does not know the room's format. ENGINE_UNAVAILABLE */
  readonly refuseNewer: (room: RoomId) => Promise<void>;
}

/** How long a node that ends may take to remove its members by itself, in milliseconds. A hundred thousand take less. */
const closeTimeoutMs = 5_000;

/** Who reads which room on all nodes that share a Redis. */
export class RedisMembers implements MemberDirectory {
  private readonly own = new OwnRooms();
  private readonly writer: MembersWriter;
  private readonly life: NodeLife;
  private lastFailure: string | undefined;
  private onOccupancy: OccupancyListener = () => undefined;

  constructor(private readonly deps: RedisMembersDeps) {
    const { own } = this;
    const failed = (thrown: unknown) => this.failed(thrown);
    const occupancyChanged: OccupancyListener = (room, isOccupied) => this.onOccupancy(room, isOccupied);
    const deadNodes = new DeadNodes({ ...deps, occupancyChanged, failed });
    this.life = new NodeLife({ ...deps, own, writer: () => this.writer, deadNodes, newNodeName, failed });
    const mayWrite = () => this.life.isTrusted;
    this.writer = new MembersWriter(newNodeName(), { ...deps, own, mayWrite, occupancyChanged, failed });
  }

  /** Begin to tell the other nodes of this one. */
  start(): void {
    this.life.start();
  }

  /** The name of this node now: it takes another one when the others took it for dead. */
  get node(): string {
    return this.writer.node;
  }

  watchOccupancy(changed: OccupancyListener): void {
    this.onOccupancy = changed;
  }

  enter(room: RoomId, user: string): void {
    this.own.enter(room, user);
    this.writer.add(room);
  }

  leave(room: RoomId, user: string): void {
    this.own.leave(room, user);
    this.writer.add(room);
  }

  async counts(rooms: readonly RoomId[]): Promise<readonly MemberCounts[]> {
    const { link, keys } = this.deps;
    const count = async (room: RoomId) => {
      const reply = await link.run(countMembersScript, [keys.members(room), keys.nodes(room)], []);
      const [members, subscribers] = reply as [number, number];
      return { members, subscribers };
    };
    try {
      return await Promise.all(rooms.map(count));
    } catch (thrown) {
      throw confabErrorFromRedis(thrown, false);
    }
  }

  async page(room: RoomId, after: string, limit: number): Promise<readonly Member[]> {
    try {
      const [page] = await Promise.all([this.readPage(room, after, limit), this.deps.refuseNewer(room)]);
      return page;
    } catch (thrown) {
      throw confabErrorFromRedis(thrown, false);
    }
  }

  /** Remove this node and its members. What takes too long is left to the other nodes, who are told, if Redis answers. */
  async close(): Promise<void> {
    this.life.close();
    this.own.clear();
    for (const { room } of this.own.all()) this.writer.add(room);
    const isRemoved = await within(closeTimeoutMs, this.writer.idle());
    const { link, keys } = this.deps;
    const { node } = this.writer;
    try {
      if (!isRemoved) await link.send(keys.deadNodes, ["ZADD", keys.deadNodes, "0", node]);
      await link.send(keys.aliveNodes, ["ZREM", keys.aliveNodes, node]);
    } catch {
      // The others will find the node silent.
    }
  }

  /** A connection that is lost is the link's to tell of. What else goes wrong an operator should know, but not each time. */
  private failed(thrown: unknown): void {
    const text = thrown instanceof Error ? thrown.message : String(thrown);
    if (thrown instanceof RedisLostError || text === this.lastFailure) return;
    this.lastFailure = text;
    this.deps.log.warn({ err: thrown }, "presence cannot be written to Redis");
  }

  private async readPage(room: RoomId, after: string, limit: number): Promise<readonly Member[]> {
    const { link, keys } = this.deps;
    const key = keys.members(room);
    const start = after === "" ? "-" : `(${after}`;
    const [names, nodes] = (await Promise.all([
      link.send(key, ["ZRANGE", key, start, "+", "BYLEX", "LIMIT", "0", String(limit)]),
      link.send(keys.nodes(room), ["HKEYS", keys.nodes(room)]),
    ])) as [Buffer[], Buffer[]];
    if (names.length === 0) return [];
    const byNode = await Promise.all(
      nodes.map((node) => {
        const hash = keys.nodeMembers(room, String(node));
        return link.send(hash, ["HMGET", hash, ...names]) as Promise<(Buffer | null)[]>;
      }),
    );
    return names.map((name, index) => {
      const connections = byNode.reduce((sum, counts) => sum + Number(counts[index] ?? 0), 0);
      // Who left between the two questions was there at the first.
      return { user: String(name), connections: Math.max(1, connections) };
    });
  }
}

/** The answer, or undefined if it does not come in time. */
async function within<T>(timeoutMs: number, answer: Promise<T>): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), timeoutMs);
  });
  try {
    return await Promise.race([answer, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Characters of the host's name in a node's: those at its end, which tell the pods of a deployment apart. */
const maxHostCharacters = 32;

/** Unlike any other; operators see from it which machine it is. */
function newNodeName(): string {
  const host = hostname()
    .replaceAll(/[^A-Za-z0-9.-]/g, "-")
    .slice(-maxHostCharacters);
  return `${host}-${randomBytes(8).toString("hex")}`;
}
