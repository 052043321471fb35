import type { PresenceChange, Signal, Turns } from "./ports.js";
import type { RoomId } from "./room-id.js";
import type { EventEncoding, EventSink, Subscription } from "./subscription.js";

/** The changes of one turn in one encoding, and where each user's own lie in it. */
interface Run {
  readonly bytes: Uint8Array;
  readonly own: ReadonlyMap<string, { readonly from: number; readonly to: number }>;
}

/**
 * What a room's readers on this node are told beside messages: presence changes and signals. Both are at most once: a
 * reader whose socket is full misses them.
 *
 * Presence changes of one turn leave in one write for each reader, encoded once for each encoding. Who came and went within
 * the turn was never here for the others, and who went and came never left. A reader is not told of its own user.
 */
export class RoomEvents {
  private readonly watchers = new Map<Subscription, EventSink>();
  private readonly listeners = new Map<Subscription, EventSink>();
  /** What this turn has brought, by user. */
  private readonly pending = new Map<string, boolean>();
  private members = 0;
  private isDeliveryDue = false;

  constructor(
    private readonly room: RoomId,
    private readonly turns: Turns,
  ) {}

  add(subscription: Subscription): void {
    const { events } = subscription.sink;
    if (events && subscription.isToldPresence) this.watchers.set(subscription, events);
    if (events?.wantsSignals) this.listeners.set(subscription, events);
  }

  /** Also of what this turn has brought already. */
  stopPresence(subscription: Subscription): void {
    this.watchers.delete(subscription);
  }

  remove(subscription: Subscription): void {
    this.watchers.delete(subscription);
    this.listeners.delete(subscription);
  }

  signal(signal: Signal): void {
    const encoded = new Map<EventEncoding, Uint8Array>();
    for (const { encoding, write } of this.listeners.values()) {
      const bytes = encoded.get(encoding) ?? encoding.signal(signal);
      encoded.set(encoding, bytes);
      write(bytes);
    }
  }

  presence(changes: readonly PresenceChange[], members: number): void {
    this.members = members;
    if (this.watchers.size === 0) return;
    for (const { user, isPresent } of changes) {
      if (this.pending.get(user) === !isPresent) this.pending.delete(user);
      else this.pending.set(user, isPresent);
    }
    if (this.isDeliveryDue) return;
    this.isDeliveryDue = true;
    // Later than this turn, so that a reader who has just subscribed hears first where it starts.
    this.turns.afterTurn(() => this.deliverPresence());
  }

  private deliverPresence(): void {
    this.isDeliveryDue = false;
    const changes = [...this.pending];
    this.pending.clear();
    if (changes.length === 0) return;
    const runs = new Map<EventEncoding, Run>();
    for (const [{ user }, { encoding, write }] of this.watchers) {
      const run = runs.get(encoding) ?? this.encode(encoding, changes);
      runs.set(encoding, run);
      const own = run.own.get(user);
      if (!own) write(run.bytes);
      else {
        if (own.from > 0) write(run.bytes.subarray(0, own.from));
        if (own.to < run.bytes.length) write(run.bytes.subarray(own.to));
      }
    }
  }

  private encode(encoding: EventEncoding, changes: readonly (readonly [user: string, isPresent: boolean])[]): Run {
    // The count is of the end of the turn; what it was after each change follows from going back.
    let members = this.members;
    for (const [, isPresent] of changes) members -= isPresent ? 1 : -1;
    const parts: Uint8Array[] = [];
    const own = new Map<string, { from: number; to: number }>();
    let length = 0;
    for (const [user, isPresent] of changes) {
      members += isPresent ? 1 : -1;
      // A bus that repeats or loses changes may bring a count that they do not explain.
      const part = encoding.presence({ room: this.room, user, isPresent }, Math.max(0, members));
      own.set(user, { from: length, to: length + part.length });
      parts.push(part);
      length += part.length;
    }
    return { bytes: joined(parts, length), own };
  }
}

function joined(parts: readonly Uint8Array[], length: number): Uint8Array {
  const [only] = parts;
  if (only && parts.length === 1) return only;
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
