import type { BodyFilter, ConfabError, Limits } from "@confab/contract";
import { FilterGroups, type LiveReaders } from "./filter-groups.js";
import type { MemberDirectory, PresenceChange, RoomListener, Signal, Turns } from "./ports.js";
import { RoomEvents } from "./room-events.js";
import type { RoomId } from "./room-id.js";
import { Run } from "./run.js";
import type { Encoding, ReadableRoom, Subscription } from "./subscription.js";
import { Tail } from "./tail.js";

export interface RoomDeps {
  readonly turns: Turns;
  readonly members: MemberDirectory;
  readonly limits: Pick<Limits, "maxFiltersPerRoom">;
  /** Brings a subscription from its cursor to the room's top. */
  readonly catchUp: (subscription: Subscription) => void;
  /** Compares the room with the log, soon. */
  readonly compare: (room: Room) => void;
  /** Drops what is kept of the room's messages for those who catch up. */
  readonly forget: (room: Room) => void;
  /** The last subscription has left. */
  readonly emptied: (room: Room) => void;
}

/**
 * At most this many encoded bytes are handed to each socket in one go. A turn that brought more is cut, so that a reader
 * whose socket is full is found before the next cut, not after megabytes.
 */
const maxRunBytes = 262_144;

/** A room that somebody on this node reads: who they are, and how far the fan-out has come. */
export class Room implements RoomListener, ReadableRoom {
  readonly tail = new Tail();
  private readonly events: RoomEvents;
  private readonly live: LiveReaders = new Map();
  /** Of `live`, those that also want changes of messages. */
  private readonly liveToChanges: LiveReaders = new Map();
  /** Those that want some messages only. */
  private readonly filtered: FilterGroups;
  private readonly all = new Set<Subscription>();
  /** Readers that know of a later message than the fan-out has brought. */
  private readonly ahead = new Set<Subscription>();
  /** Heard in this turn and not delivered yet. */
  private heard: Run[] = [];
  private isDeliveryDue = false;
  /** Whether the bus brought anything since `takeSilence` was last called. */
  private isSilent = false;
  /** From this offset to the top, it is known that there is no change of a message. */
  private plainFrom: number;

  constructor(
    readonly id: RoomId,
    readonly epoch: number,
    /** The last offset that went through the fan-out. */
    public top: number,
    private readonly deps: RoomDeps,
  ) {
    this.events = new RoomEvents(id, deps.turns);
    this.filtered = new FilterGroups(id, deps.limits);
    this.plainFrom = top + 1;
  }

  get subscriberCount(): number {
    return this.all.size;
  }

  entries(epoch: number, run: Run): void {
    // Offsets of another log say nothing here. Which of the two is the newer one, the log knows.
    if (epoch !== this.epoch) {
      this.deps.compare(this);
      return;
    }
    this.heard.push(run);
    this.isSilent = false;
    if (this.isDeliveryDue) return;
    this.isDeliveryDue = true;
    // Everything that one turn of the event loop brings leaves in one write per subscriber: the kernel's write is what
    // fan-out costs, so it is the writes that must be few.
    this.deps.turns.afterTurn(() => this.deliver());
  }

  interrupted(): void {
    this.deps.compare(this);
  }

  erased(): void {
    this.forget();
    // What came in this turn may be what was erased: it is read from the log instead.
    const newest = this.heard.reduce((newest, { last }) => Math.max(newest, last), 0);
    this.heard = [];
    if (newest > this.top) this.fillHole(newest);
  }

  /** Drop what is kept of messages in memory: they may have other bodies in the log by now. */
  forget(): void {
    this.tail.clear();
    this.deps.forget(this);
  }

  signal(signal: Signal): void {
    this.events.signal(signal);
  }

  presence(changes: readonly PresenceChange[], members: number): void {
    this.events.presence(changes, members);
  }

  /** The filter that a subscription has who wants these messages. @throws TOO_MANY_FILTERS */
  admitFilter(filter: BodyFilter | undefined): BodyFilter | undefined {
    return filter && this.filtered.admit(filter);
  }

  /**
   * Begin with a subscription, in whatever state its cursor puts it. Nothing reaches its sink in this turn: its reader must
   * hear first where the subscription starts. Its filter was admitted in this turn.
   */
  enter(subscription: Subscription): void {
    this.all.add(subscription);
    if (subscription.filter) this.filtered.add(subscription, subscription.filter, this.top);
    this.events.add(subscription);
    this.deps.members.enter(this.id, subscription.user);
    this.deps.catchUp(subscription);
  }

  leave(subscription: Subscription): void {
    if (subscription.state === "closed") return;
    if (subscription.state === "live") {
      this.removeLive(subscription);
      subscription.cursor = this.top;
    }
    subscription.state = "closed";
    this.ahead.delete(subscription);
    this.all.delete(subscription);
    if (subscription.filter) this.filtered.remove(subscription, subscription.filter);
    this.events.remove(subscription);
    this.deps.members.leave(this.id, subscription.user);
    subscription.onClosed?.();
    if (this.all.size === 0) this.deps.emptied(this);
  }

  stopPresence(subscription: Subscription): void {
    this.events.stopPresence(subscription);
  }

  /** End a subscription for the server's own reasons, and tell its reader. */
  expel(subscription: Subscription, error: ConfabError): void {
    if (subscription.state === "closed") return;
    this.leave(subscription);
    subscription.sink.ended(error);
  }

  /** End every subscription: the room cannot be read on. `errorFor`: why, for each. */
  expelAll(errorFor: (subscription: Subscription) => ConfabError): void {
    for (const subscription of [...this.all]) this.expel(subscription, errorFor(subscription));
  }

  catchUp(subscription: Subscription): void {
    this.deps.catchUp(subscription);
  }

  /** Into the fan-out: its cursor must be exactly the room's top, in the same synchronous step as the check of that. */
  goLive(subscription: Subscription): void {
    subscription.state = "live";
    if (subscription.filter) this.filtered.caughtUp(subscription, subscription.filter);
    const { encoding } = subscription.sink;
    const live = this.liveAs(subscription);
    const group = live.get(encoding);
    if (group) group.add(subscription);
    else live.set(encoding, new Set([subscription]));
  }

  awaitTop(subscription: Subscription): void {
    this.ahead.add(subscription);
  }

  /** Whether nothing was heard since this was last asked. A room that hears finds its holes by itself. */
  takeSilence(): boolean {
    const wasSilent = this.isSilent;
    this.isSilent = true;
    return wasSilent;
  }

  /**
   * The log is known to hold entries up to `newest`. Those that the fan-out has not brought, though the bus had the time,
   * are read from the log.
   */
  reach(newest: number): void {
    // What was heard while the log was asked is on its way to the readers, and shows a hole if there is one.
    if (newest > this.top && this.isSilent) this.fillHole(newest);
  }

  /** Whether no change of a message is known of between an offset and the top: from there on each offset is a message. */
  isPlainFrom(offset: number): boolean {
    return offset >= this.plainFrom;
  }

  /** Whether it is known that nothing that passes a filter is between an offset and the top. */
  isQuietAfter(offset: number, filter: BodyFilter): boolean {
    return this.filtered.isQuietAfter(offset, filter);
  }

  /** The log has no change of a message from one offset to another one. */
  notePlain(from: number, to: number): void {
    if (to + 1 >= this.plainFrom && from < this.plainFrom) this.plainFrom = from;
  }

  private liveAs({ wantsChanges, filter }: Subscription): LiveReaders {
    if (filter) return this.filtered.liveWith(filter);
    return wantsChanges ? this.liveToChanges : this.live;
  }

  private removeLive(subscription: Subscription): void {
    const { encoding } = subscription.sink;
    const live = this.liveAs(subscription);
    const group = live.get(encoding);
    group?.delete(subscription);
    if (group?.size === 0) live.delete(encoding);
  }

  private deliver(): void {
    this.isDeliveryDue = false;
    const { heard } = this;
    this.heard = [];
    const run = following(this.top, heard);
    if (!run) {
      this.fillHole(heard.reduce((newest, { last }) => Math.max(newest, last), 0));
      return;
    }
    if (run.count === 0) return;
    this.tail.push(run);
    for (const piece of run.cut(maxRunBytes)) this.deliverRun(piece);
    this.resumeAhead();
  }

  private deliverRun(run: Run): void {
    this.top = run.last;
    const { messages } = run;
    if (messages !== run) this.plainFrom = run.last + 1;
    this.writeOrPass(this.live, messages);
    if (this.liveToChanges.size > 0) this.writeTo(this.liveToChanges, run);
    if (!this.filtered.isEmpty) this.filtered.each(run, (live, passing) => this.writeOrPass(live, passing));
  }

  private writeOrPass(live: LiveReaders, wanted: Run): void {
    if (wanted.count > 0) this.writeTo(live, wanted);
    else for (const group of live.values()) for (const { sink } of group) sink.passed?.();
  }

  private writeTo(live: ReadonlyMap<Encoding, ReadonlySet<Subscription>>, run: Run): void {
    for (const [encoding, group] of live) {
      const bytes = encoding.encode(this.id, this.epoch, run);
      for (const subscription of group) {
        // Taking bytes may fill the socket: from then on nothing more is queued for it, and it is caught up from the log.
        if (!subscription.sink.write(bytes)) this.lag(subscription);
      }
    }
  }

  private lag(subscription: Subscription): void {
    // The write itself may have ended the subscription, if its socket turned out to be dead.
    if (subscription.state !== "live") return;
    this.removeLive(subscription);
    subscription.state = "lagging";
    subscription.cursor = this.top;
    subscription.quietFrom = this.top + 1;
  }

  /** Some entries were never heard: everybody reads them from the log before anything later. */
  private fillHole(top: number): void {
    const behind = this.top;
    this.top = top;
    this.plainFrom = top + 1;
    this.filtered.skippedTo(top);
    this.tail.clear();
    const groups = [...this.live.values(), ...this.liveToChanges.values(), ...this.filtered.allLive()];
    for (const group of groups) {
      for (const subscription of [...group]) {
        this.removeLive(subscription);
        subscription.state = "catching-up";
        subscription.cursor = behind;
        subscription.quietFrom = behind + 1;
        this.deps.catchUp(subscription);
      }
    }
    this.resumeAhead();
  }

  private resumeAhead(): void {
    for (const subscription of this.ahead) this.deps.catchUp(subscription);
    this.ahead.clear();
  }
}

/**
 * The messages in `heard` that follow `top`, each once; undefined if one between was never received. A bus may repeat itself
 * after a reconnect, or lose messages, or both in one turn: only the offsets tell.
 */
function following(top: number, heard: readonly Run[]): Run | undefined {
  const runs: Run[] = [];
  let next = top + 1;
  for (const run of heard) {
    if (run.first > next) return undefined;
    if (run.last < next) continue;
    runs.push(run.slice(next, run.last));
    next = run.last + 1;
  }
  const [first, ...rest] = runs;
  return first ? Run.joined([first, ...rest]) : new Run(next, []);
}
