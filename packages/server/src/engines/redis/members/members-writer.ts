import type { OccupancyListener, RoomId } from "../../../core/index.js";
import type { RedisLink } from "../redis-link.js";
import type { MemberKeys } from "./member-keys.js";
import type { OwnRoom, OwnRooms } from "./own-rooms.js";
import { writeMembersScript, writtenMembers } from "./scripts.js";

export interface MembersWriterDeps {
  readonly link: Pick<RedisLink, "run" | "send">;
  readonly keys: MemberKeys;
  readonly own: OwnRooms;
  readonly maxEventMembers: number;
  /** Whether the other nodes still count on this one. Otherwise it must find out first what became of it. */
  readonly mayWrite: () => boolean;
  readonly occupancyChanged: OccupancyListener;
  /** Told of what went wrong, each time. */
  readonly failed: (thrown: unknown) => void;
}

/** Users of one room in one run of the script: it bounds how long Redis does nothing else. */
const usersPerRun = 500;

/** Rooms written at a time. Their runs are pipelined. */
const roomsPerSlice = 256;

/**
 * Writes to Redis what this node knows of its rooms. What a turn of the event loop changes is collected, and while a slice is
 * on its way all further changes wait in the truth itself: nothing is queued, and a Redis that is away costs nothing.
 */
export class MembersWriter {
  private readonly waiting = new Set<RoomId>();
  /** Rooms of which nothing, or not all, was written since the last `startAnew`. */
  private readonly unwritten = new Set<RoomId>();
  private isRunning = false;
  private isPaused = false;
  private readonly onIdle: (() => void)[] = [];

  constructor(
    /** The node's name, which it gives up when the others took it for dead. */
    public node: string,
    private readonly deps: MembersWriterDeps,
  ) {}

  /** A room is to be written. */
  add(room: RoomId): void {
    this.waiting.add(room);
    this.start();
    const own = this.isPaused ? this.deps.own.get(room) : undefined;
    if (own) this.deps.own.shed(own);
  }

  /** Redis answers again. */
  resume(): void {
    this.isPaused = false;
    this.start();
  }

  /** Write every room again, under another name. */
  startAnew(node: string): void {
    this.node = node;
    this.deps.own.startAnew();
    for (const { room } of this.deps.own.all()) {
      this.waiting.add(room);
      this.unwritten.add(room);
    }
    this.start();
  }

  /** Whether all that there was at the last `startAnew` has been written. */
  get isWrittenAnew(): boolean {
    return this.unwritten.size === 0;
  }

  isWaiting(room: RoomId): boolean {
    return this.waiting.has(room);
  }

  /** Resolves once Redis knows everything, to true, or does not answer. */
  async idle(): Promise<boolean> {
    if (this.isRunning) await new Promise<void>((resolve) => this.onIdle.push(resolve));
    return this.waiting.size === 0;
  }

  private start(): void {
    if (this.isRunning || this.isPaused || this.waiting.size === 0) return;
    this.isRunning = true;
    // The rest of this turn's changes belong into the same run.
    setImmediate(() => void this.run());
  }

  /** Never rejects. */
  private async run(): Promise<void> {
    while (this.waiting.size > 0 && !this.isPaused) {
      if (!this.deps.mayWrite()) {
        this.isPaused = true;
        break;
      }
      const slice: OwnRoom[] = [];
      for (const room of this.waiting) {
        if (slice.length === roomsPerSlice) break;
        const own = this.deps.own.get(room);
        if (own) slice.push(own);
        else {
          this.waiting.delete(room);
          this.unwritten.delete(room);
        }
      }
      await this.writeSlice(slice);
    }
    this.isRunning = false;
    for (const resolve of this.onIdle.splice(0)) resolve();
  }

  /** Never rejects. What fails is tried again with the next sign of life that Redis takes. */
  private async writeSlice(slice: readonly OwnRoom[]): Promise<void> {
    const { node } = this;
    try {
      await this.list(slice, node);
      if (node !== this.node) return;
      await Promise.all(slice.map((own) => this.writeOrPause(own, node)));
      if (node === this.node) await this.leaveRooms(slice, node);
    } catch (thrown) {
      this.deps.failed(thrown);
      this.isPaused = true;
    }
  }

  private async writeOrPause(own: OwnRoom, node: string): Promise<void> {
    try {
      await this.write(own, node);
    } catch (thrown) {
      // What Redis has taken of this writing is not known, so it is asked.
      own.isSuspect = true;
      this.deps.failed(thrown);
      this.isPaused = true;
    }
  }

  /** Before anything else of a room, so that whoever removes this node finds it. */
  private async list(slice: readonly OwnRoom[], node: string): Promise<void> {
    const unlisted = slice.filter(({ isListed }) => !isListed);
    if (unlisted.length === 0) return;
    const key = this.deps.keys.nodeRooms(node);
    await this.deps.link.send(key, ["SADD", key, ...unlisted.map(({ room }) => room)]);
    if (node === this.node) for (const own of unlisted) own.isListed = true;
  }

  /** One run of the script for a room; the room goes on waiting if there is more to write. */
  private async write(own: OwnRoom, node: string): Promise<void> {
    const { link, keys, maxEventMembers } = this.deps;
    const { room } = own;
    const before = own.isSuspect ? "*" : own.stamp;
    if (own.isSuspect) await this.findStrangers(own, node);
    if (node !== this.node) return;
    const users = takeSome(own.stale);
    const stamp = this.deps.own.nextStamp(own);
    // From here on a change is one of after this writing, and puts the room back among the waiting.
    if (own.stale.size === 0) this.waiting.delete(room);
    const args = [node, before, stamp, String(maxEventMembers)];
    for (const user of users) args.push(user, String(own.connections.get(user) ?? 0));
    let reply: unknown;
    try {
      reply = await link.run(writeMembersScript, keys.writing(room, node), args);
    } catch (thrown) {
      this.waiting.add(room);
      throw thrown;
    }
    const { fits, isOccupied } = writtenMembers(reply);
    if (isOccupied !== undefined) this.deps.occupancyChanged(room, isOccupied);
    if (node !== this.node) return;
    own.stamp = stamp;
    if (own.stale.size === 0) this.unwritten.delete(room);
    if (!fits) {
      own.isSuspect = true;
      this.waiting.add(room);
    }
  }

  /** Rooms that nobody here reads any more, and of which Redis knows that. */
  private async leaveRooms(slice: readonly OwnRoom[], node: string): Promise<void> {
    const { link, keys, own: rooms } = this.deps;
    const left = slice.filter(({ room, subscribers, isSuspect }) => {
      return subscribers === 0 && !isSuspect && !this.waiting.has(room);
    });
    if (left.length === 0) return;
    for (const own of left) rooms.forget(own);
    // Who comes from now on lists the room again, after this. If this is lost, the room is looked at once more when the
    // node is gone.
    const key = keys.nodeRooms(node);
    await link.send(key, ["SREM", key, ...left.map(({ room }) => room)]);
  }

  /** Compare all that Redis holds of this node in the room: those whom it does not know of are stale too. */
  private async findStrangers(own: OwnRoom, node: string): Promise<void> {
    const { link, keys } = this.deps;
    const key = keys.nodeMembers(own.room, node);
    for (let cursor = "0"; ; ) {
      const reply = await link.send(key, ["HSCAN", key, cursor, "COUNT", String(usersPerRun)]);
      const [next, pairs] = reply as [Buffer, Buffer[]];
      for (let at = 0; at < pairs.length; at += 2) own.stale.add(String(pairs[at]));
      cursor = String(next);
      if (cursor === "0") break;
    }
    for (const user of own.connections.keys()) own.stale.add(user);
    own.isSuspect = false;
  }
}

function takeSome(users: Set<string>): string[] {
  const some: string[] = [];
  for (const user of users) {
    if (some.length === usersPerRun) break;
    some.push(user);
    users.delete(user);
  }
  return some;
}
