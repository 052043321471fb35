import type { LogEntry, PresenceChange, RoomBus, RoomId, RoomListener, Signal } from "../../core/index.js";
import { decodeBusMessage, encodeSignal, placeOfEntries } from "./bus-message.js";
import type { Keys } from "./keys.js";
import { confabErrorFromRedis } from "./redis-error.js";
import type { RedisLink } from "./redis-link.js";

/** A room that somebody on this node watches. */
interface Channel {
  readonly room: RoomId;
  readonly listeners: Set<RoomListener>;
  /** Settles once Redis has confirmed the subscription. */
  readonly subscribed: Promise<void>;
  epoch: number;
  /** The last offset that the listeners were given. */
  heardTo: number;
}

/**
 * What happens in rooms, by Redis's Pub/Sub: one subscription for each room that this node watches, however many watch.
 *
 * What this node appends is heard twice: from its own append, at once, and from Redis. The offsets tell.
 */
export class RedisBus implements RoomBus {
  private readonly channels = new Map<string, Channel>();

  constructor(
    private readonly link: RedisLink,
    private readonly keys: Keys,
  ) {}

  async watch(room: RoomId, listener: RoomListener): Promise<() => void> {
    const name = this.keys.channel(room);
    const channel = this.channels.get(name) ?? this.open(room, name);
    channel.listeners.add(listener);
    const leave = () => {
      if (!channel.listeners.delete(listener) || channel.listeners.size > 0) return;
      this.channels.delete(name);
      this.link.unsubscribe(name);
    };
    try {
      await channel.subscribed;
    } catch (thrown) {
      channel.listeners.delete(listener);
      throw confabErrorFromRedis(thrown, false);
    }
    return leave;
  }

  signal(signal: Signal): void {
    const name = this.keys.channel(signal.room);
    this.link.send(name, ["SPUBLISH", name, encodeSignal(signal)]).catch(() => {
      // At most once: what Redis does not take now is lost.
    });
  }

  /** Who came to this node, or left it. */
  presence(change: PresenceChange, members: number): void {
    const channel = this.channels.get(this.keys.channel(change.room));
    for (const listener of channel?.listeners ?? []) listener.presence([change], members);
  }

  /** What this node has just appended. Its listeners need not wait for Redis to bring it. */
  appended(room: RoomId, epoch: number, first: number, bodies: readonly Uint8Array[]): void {
    const channel = this.channels.get(this.keys.channel(room));
    if (channel) give(channel, epoch, entriesFrom(first, bodies));
  }

  /** What Redis brings. */
  heard(name: string, message: Buffer): void {
    const channel = this.channels.get(name);
    if (!channel) return;
    const place = placeOfEntries(message);
    // Most of what comes is this node's own, and given already.
    if (place && place.epoch === channel.epoch && place.last <= channel.heardTo) return;
    const decoded = decodeBusMessage(message);
    if (decoded?.kind === "entries") give(channel, decoded.epoch, decoded.entries);
    else if (decoded?.kind === "signal") for (const listener of channel.listeners) listener.signal(decoded.signal);
  }

  private open(room: RoomId, name: string): Channel {
    const subscribed = this.link.subscribe(name);
    const channel: Channel = { room, listeners: new Set(), subscribed, epoch: 0, heardTo: 0 };
    this.channels.set(name, channel);
    subscribed.catch(() => {
      // Those who wait for it are told; the next one begins anew.
      if (this.channels.get(name) === channel) this.channels.delete(name);
    });
    return channel;
  }
}

function entriesFrom(first: number, bodies: readonly Uint8Array[]): readonly LogEntry[] {
  return bodies.map((body, index) => ({ offset: first + index, body }));
}

function give(channel: Channel, epoch: number, entries: readonly LogEntry[]): void {
  const last = entries.at(-1);
  if (!last) return;
  if (epoch !== channel.epoch) {
    channel.epoch = epoch;
    channel.heardTo = 0;
  }
  if (last.offset <= channel.heardTo) return;
  const unheard = entries.filter(({ offset }) => offset > channel.heardTo);
  channel.heardTo = last.offset;
  for (const listener of channel.listeners) listener.entries(epoch, unheard);
}
