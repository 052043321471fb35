import type { RoomBus, RoomFound, RoomId, RoomListener, Run, Signal } from "../../core/index.js";
import { BusChannel } from "./bus-channel.js";
import { type BusMessage, decodeBusMessage, encodeSignal, placeOfEntries } from "./bus-message.js";
import type { Keys } from "./keys.js";
import type { KnownTops } from "./known-tops.js";
import type { MadeRooms } from "./made-rooms.js";
import { confabErrorFromRedis } from "./redis-error.js";
import type { RedisLink } from "./redis-link.js";

interface Watched {
  readonly channel: BusChannel;
  /** Settles once Redis has confirmed the subscription. */
  readonly subscribed: Promise<void>;
}

/** What happens in rooms, by Redis's Pub/Sub: one subscription for each room that this node watches, however many watch. */
export class RedisBus implements RoomBus {
  /** By the name of the channel. */
  private readonly watched = new Map<string, Watched>();

  constructor(
    private readonly link: RedisLink,
    private readonly keys: Keys,
    private readonly tops: KnownTops,
    private readonly made: MadeRooms,
  ) {}

  async watch(room: RoomId, listener: RoomListener): Promise<() => void> {
    const name = this.keys.channel(room);
    const watched = this.watched.get(name) ?? this.open(name);
    const { listeners } = watched.channel;
    listeners.add(listener);
    try {
      await watched.subscribed;
    } catch (thrown) {
      listeners.delete(listener);
      throw confabErrorFromRedis(thrown, false);
    }
    return () => {
      if (!listeners.delete(listener) || listeners.size > 0) return;
      watched.channel.close();
      this.watched.delete(name);
      this.link.unsubscribe(name);
    };
  }

  signal(signal: Signal): void {
    const name = this.keys.channel(signal.room);
    this.link.send(name, ["SPUBLISH", name, encodeSignal(signal)]).catch(() => {
      // At most once: what Redis does not take now is lost.
    });
  }

  watchRooms(prefix: string, found: RoomFound): Promise<() => void> {
    return this.made.watch(prefix, found);
  }

  /** What this node has just appended. Its listeners need not wait for Redis to bring it. */
  appended(room: RoomId, epoch: number, run: Run): void {
    if (run.first === 1) this.made.made(room);
    this.watched.get(this.keys.channel(room))?.channel.appended(epoch, run);
  }

  /** What this node has erased, or may have. Redis tells other nodes. */
  erased(room: RoomId): void {
    this.watched.get(this.keys.channel(room))?.channel.erased();
  }

  /** What Redis brings. */
  heard(name: string, message: Buffer): void {
    if (name === this.keys.made) {
      this.made.heard(message);
      return;
    }
    const channel = this.watched.get(name)?.channel;
    if (!channel) return;
    const place = placeOfEntries(message);
    // Most of what comes is this node's own, and given already.
    if (place && (channel.isGiven(place) || this.isDoubtful(name, channel))) return;
    const decoded = decodedOrNothing(message);
    switch (decoded?.kind) {
      case "entries": {
        const { epoch, block, run } = decoded;
        if (run.count > 0) this.tops.note(this.keys.roomOf(name), epoch, run.last, block);
        channel.heard(epoch, run);
        break;
      }
      case "signal":
        for (const listener of channel.listeners) listener.signal(decoded.signal);
        break;
      // A later version may have taken the room over. Its record tells.
      case "unknown":
      case "replaced":
        channel.interrupted();
        break;
      case "erased":
        channel.erased();
        break;
      case "presence": {
        const room = this.keys.roomOf(name);
        const changes = decoded.users.map((change) => ({ room, ...change }));
        for (const listener of channel.listeners) listener.presence(changes, decoded.members);
        break;
      }
      case undefined:
        break;
    }
  }

  /** Something may have been missed on these channels. */
  interrupted(names: Iterable<string>): void {
    for (const name of names) {
      if (name === this.keys.made) this.made.interrupted();
      this.watched.get(name)?.channel.interrupted();
    }
  }

  /** The log of a room is another one. */
  replaced(room: RoomId): void {
    this.interrupted([this.keys.channel(room)]);
  }

  /**
   * Whether the room may have gone back: then what is heard may be in the place of what the listeners know. It is left out,
   * and they are sent to the log when that is settled.
   */
  private isDoubtful(name: string, channel: BusChannel): boolean {
    const verified = this.tops.verified(this.keys.roomOf(name));
    void verified?.then(
      () => channel.interrupted(),
      () => undefined,
    );
    return verified !== undefined;
  }

  private open(name: string): Watched {
    const watched = { channel: new BusChannel(), subscribed: this.link.subscribe(name) };
    this.watched.set(name, watched);
    watched.subscribed.catch(() => {
      // Those who wait for it are told; the next one begins anew.
      if (this.watched.get(name) === watched) this.watched.delete(name);
    });
    return watched;
  }
}

/** What others publish on our channels is not our business, and must not end the connection. */
function decodedOrNothing(message: Buffer): BusMessage | undefined {
  try {
    return decodeBusMessage(message);
  } catch {
    return undefined;
  }
}
