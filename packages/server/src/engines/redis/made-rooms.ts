import { type RoomFound, type RoomId, RoomWatchers } from "../../core/index.js";
import type { Keys } from "./keys.js";
import { confabErrorFromRedis } from "./redis-error.js";
import type { RedisLink } from "./redis-link.js";
import type { RoomIndex } from "./room-index.js";

/**
 * How often the index is read for rooms that were not announced, in milliseconds: a node may have died before it announced a room
 * that it had made, and nodes of an earlier version do not tell.
 */
const lookIntervalMs = 10_000;

/** Names read together, and told in one go: each watcher of a prefix is asked about each name. */
const namesPerPage = 200;

/**
 * Which rooms come into being, on all nodes. The node that stores a room's first message publishes its name on one channel.
 * The index of all names knows what the channel has lost: it is read from time to time, and after each interruption.
 */
export class MadeRooms {
  private readonly watchers = new RoomWatchers();
  /** Settles once Redis has confirmed the subscription; undefined: no prefix is watched. */
  private subscribed: Promise<void> | undefined;
  private timer: NodeJS.Timeout | undefined;
  private isLooking = false;
  private mustLookAgain = false;

  constructor(
    private readonly link: RedisLink,
    private readonly keys: Keys,
    private readonly index: RoomIndex,
  ) {}

  /** @see RoomBus.watchRooms */
  async watch(prefix: string, found: RoomFound): Promise<() => void> {
    const unwatch = this.watchers.add(prefix, found);
    const end = () => {
      unwatch();
      if (this.watchers.prefixes.length === 0) this.stop();
    };
    this.subscribed ??= this.start();
    try {
      await this.subscribed;
    } catch (thrown) {
      end();
      throw confabErrorFromRedis(thrown, false);
    }
    return end;
  }

  /** This node has stored a room's first message. Never fails, and returns at once. */
  made(room: RoomId): void {
    this.watchers.tell(room);
    this.link.send(this.keys.made, ["SPUBLISH", this.keys.made, room]).catch(() => {
      // The other nodes find the room in the index.
    });
  }

  /** What Redis brings: a room's name. This node's own comes again. */
  heard(message: Buffer): void {
    this.watchers.tell(message.toString("latin1") as RoomId);
  }

  /** Names may have been missed. */
  interrupted(): void {
    void this.look();
  }

  close(): void {
    clearInterval(this.timer);
    this.timer = undefined;
  }

  private start(): Promise<void> {
    this.timer = setInterval(() => void this.look(), lookIntervalMs).unref();
    return this.link.subscribe(this.keys.made);
  }

  private stop(): void {
    this.close();
    if (this.subscribed === undefined) return;
    this.subscribed = undefined;
    this.link.unsubscribe(this.keys.made);
  }

  /** Announce all rooms of the watched prefixes. Never rejects. */
  private async look(): Promise<void> {
    this.mustLookAgain = this.isLooking;
    if (this.isLooking) return;
    this.isLooking = true;
    try {
      for (const prefix of withoutLonger(this.watchers.prefixes)) await this.lookAt(prefix);
    } catch {
      // The link reports a Redis that is away. The next look is soon enough.
    }
    this.isLooking = false;
    if (this.mustLookAgain) void this.look();
  }

  private async lookAt(prefix: string): Promise<void> {
    for (let after: RoomId | "" | undefined = ""; after !== undefined && this.timer !== undefined; ) {
      const names: readonly RoomId[] = await this.index.page(prefix, after, namesPerPage);
      for (const name of names) this.watchers.tell(name);
      after = names.length === namesPerPage ? names.at(-1) : undefined;
    }
  }
}

/** Without prefixes that begin with another one of them: their rooms are found with those of the shorter one. */
function withoutLonger(prefixes: readonly string[]): readonly string[] {
  const kept: string[] = [];
  for (const prefix of [...prefixes].sort()) if (!prefix.startsWith(kept.at(-1) ?? "\0")) kept.push(prefix);
  return kept;
}
