import { randomBytes } from "node:crypto";
import { ConfabError, formatPosition, type Position, parsePosition } from "@confab/contract";
import type { Outbox, OutboxListener, RoomId, RoomSummary } from "../../core/index.js";
import type { OutboxKeys } from "./keys.js";
import { confabErrorFromRedis } from "./redis-error.js";
import type { RedisLink } from "./redis-link.js";
import { confirmScript, leaseScript, releaseScript } from "./scripts/outbox.js";

export interface SharedOutboxDeps {
  readonly link: RedisLink;
  readonly keys: OutboxKeys;
  /** Rooms by name after one. */
  readonly list: (after: string, limit: number) => Promise<readonly RoomSummary[]>;
}

/** How long a node may deliver after its last request for the lease, in milliseconds. */
const leaseMs = 6_000;

/** How often the lease is asked for, by the node that has it and by the others, in milliseconds. Both together stay below 10 s. */
const leaseIntervalMs = 2_000;

/** How often rooms are asked for that other nodes have written to, in milliseconds. */
const pollIntervalMs = 100;

/** How often all rooms are compared, in milliseconds: a node may have died before it reported what it had stored. */
const scanIntervalMs = 60_000;

/** Rooms taken together. */
const roomsPerPoll = 1_000;
const roomsPerPage = 500;

/**
 * The cursors of one receiver in Redis. One node has the lease and delivers all rooms. The others tell it which rooms they have
 * written to by a set, which may be lost: it is the cursors that say what is undelivered.
 */
export class SharedOutbox implements Outbox {
  private readonly node = randomBytes(8).toString("hex");
  private listener: OutboxListener | undefined;
  private hasLease = false;
  private heldAtMs = Number.NEGATIVE_INFINITY;
  private askedAtMs = Number.NEGATIVE_INFINITY;
  private scannedAtMs = Number.NEGATIVE_INFINITY;
  private isScanning = false;
  private isClosed = false;
  private timer: NodeJS.Timeout | undefined;
  /** Rooms that this turn has written to. */
  private readonly written = new Set<RoomId>();

  constructor(private readonly deps: SharedOutboxDeps) {}

  follow(listener: OutboxListener): void {
    this.listener = listener;
    void this.tick();
  }

  scan(): void {
    if (!this.isScanning && this.hasLease) void this.scanAll();
  }

  async cursor(room: RoomId): Promise<Position | undefined> {
    const { link, keys } = this.deps;
    try {
      const found = await link.send(keys.cursors, ["HGET", keys.cursors, room]);
      return found === null || found === undefined ? undefined : parsePosition(String(found));
    } catch (thrown) {
      throw confabErrorFromRedis(thrown, false);
    }
  }

  async confirm(room: RoomId, position: Position): Promise<void> {
    const { link, keys } = this.deps;
    const args = [this.node, room, formatPosition(position)];
    let reply: unknown;
    try {
      reply = await link.run(confirmScript, [keys.lease, keys.cursors], args);
    } catch (thrown) {
      throw confabErrorFromRedis(thrown, false);
    }
    if (reply === 1) return;
    this.lost();
    throw new ConfabError("ENGINE_UNAVAILABLE", "another node delivers what is stored");
  }

  async close(): Promise<void> {
    this.isClosed = true;
    clearTimeout(this.timer);
    const { link, keys } = this.deps;
    const hadLease = this.hasLease;
    // What this node still stores is for the next one.
    this.hasLease = false;
    try {
      if (hadLease) await link.run(releaseScript, [keys.lease], [this.node]);
    } catch {
      // It ends by itself.
    }
  }

  /** This node has stored entries of a room. Never fails, and returns at once. */
  appended(room: RoomId): void {
    if (this.hasLease) {
      this.listener?.undelivered(room);
      return;
    }
    this.written.add(room);
    if (this.written.size === 1) setImmediate(() => this.tell());
  }

  /** A room has gone away. Never fails, and returns at once. */
  removed(room: RoomId): void {
    const { link, keys } = this.deps;
    link.send(keys.cursors, ["HDEL", keys.cursors, room]).catch(() => {
      // It takes little room, and is of an epoch that does not come back.
    });
  }

  private tell(): void {
    const { link, keys } = this.deps;
    const rooms = [...this.written];
    this.written.clear();
    link.send(keys.rooms, ["SADD", keys.rooms, ...rooms]).catch(() => {
      // The node that delivers finds them when it compares all rooms.
    });
  }

  /** Never rejects. */
  private async tick(): Promise<void> {
    try {
      await this.keepLease();
      if (this.hasLease) await this.poll();
    } catch {
      // The link reports a Redis that is away.
      if (this.hasLease && performance.now() - this.heldAtMs >= leaseMs) this.lost();
    }
    if (this.isClosed) return;
    this.timer = setTimeout(() => void this.tick(), this.hasLease ? pollIntervalMs : leaseIntervalMs).unref();
  }

  private async keepLease(): Promise<void> {
    const nowMs = performance.now();
    if (this.hasLease && nowMs - this.askedAtMs < leaseIntervalMs) return;
    this.askedAtMs = nowMs;
    const { link, keys } = this.deps;
    const isGiven = (await link.run(leaseScript, [keys.lease], [this.node, String(leaseMs)])) === 1;
    if (this.isClosed) return;
    if (!isGiven) {
      this.lost();
      return;
    }
    this.heldAtMs = nowMs;
    if (!this.hasLease) this.scannedAtMs = Number.NEGATIVE_INFINITY;
    this.hasLease = true;
  }

  private lost(): void {
    if (!this.hasLease) return;
    this.hasLease = false;
    this.listener?.ended();
  }

  private async poll(): Promise<void> {
    const { link, keys } = this.deps;
    if (performance.now() - this.scannedAtMs >= scanIntervalMs) this.scan();
    const told = await link.send(keys.rooms, ["SPOP", keys.rooms, String(roomsPerPoll)]);
    for (const room of told as Buffer[]) this.listener?.undelivered(String(room) as RoomId);
  }

  /** Never rejects: what was not compared is compared the next time. */
  private async scanAll(): Promise<void> {
    this.isScanning = true;
    const begunAtMs = performance.now();
    try {
      for (let after: string | undefined = ""; after !== undefined && this.hasLease && !this.isClosed; )
        after = await this.scanPage(after);
      this.scannedAtMs = begunAtMs;
    } catch {
      // The link reports a Redis that is away.
      this.scannedAtMs = begunAtMs - scanIntervalMs + leaseIntervalMs;
    }
    this.isScanning = false;
  }

  /** The last name of the page; undefined: it was the last page. */
  private async scanPage(after: string): Promise<string | undefined> {
    const { link, keys, list } = this.deps;
    const rooms = await list(after, roomsPerPage);
    if (rooms.length === 0) return undefined;
    const names = rooms.map(({ room }) => room);
    const cursors = (await link.send(keys.cursors, ["HMGET", keys.cursors, ...names])) as (Buffer | null)[];
    for (const [at, { room, epoch, newest }] of rooms.entries()) {
      const found = cursors[at];
      const cursor = found ? parsePosition(String(found)) : undefined;
      if (cursor?.epoch !== epoch || cursor.offset < newest) this.listener?.undelivered(room);
    }
    return rooms.length === roomsPerPage ? names.at(-1) : undefined;
  }
}
