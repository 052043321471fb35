import {
  type Ack,
  type BodyFilter,
  ConfabError,
  encodeBody,
  type Limits,
  type MessageChange,
  type NewMessage,
  type Position,
} from "@confab/contract";
import { cost } from "../work/index.js";
import { CatchUp } from "./catch-up.js";
import { changeMessage, eraseMessage, finishDeletion, type MessageChanging } from "./changing.js";
import { Deletions } from "./deletions.js";
import type { Engine } from "./engine.js";
import { IdleRooms } from "./idle-rooms.js";
import { offsetHere } from "./lineage.js";
import { beforeNewestMessages } from "./newest-messages.js";
import type { Appended, Clock, Ids, NewEntry, RoomState, Signal, Turns } from "./ports.js";
import { replacedUnder, resumableOffset } from "./range.js";
import { ReadMarking } from "./read-marking.js";
import { Room } from "./room.js";
import { type RoomId, roomIdFrom } from "./room-id.js";
import type { ScanningShare } from "./scanning-share.js";
import { SignalRates } from "./signal-rates.js";
import { SubscribeTurns } from "./subscribe-turns.js";
import { type Sink, Subscription } from "./subscription.js";
import { type ErasedUser, eraseUser, type UserErasing } from "./user-erasure.js";

export interface HubDeps {
  readonly engine: Engine;
  readonly clock: Clock;
  readonly turns: Turns;
  readonly ids: Ids;
  readonly limits: Limits;
}

export interface SubscribeRequest {
  readonly room: RoomId;
  /** Empty: a reader that is not listed among the members. */
  readonly user: string;
  readonly after: Position | undefined;
  /** Begin with this many of the newest messages; 0 with `after`. */
  readonly history: number;
  /** Also read changes of messages. */
  readonly wantsChanges?: boolean | undefined;
  /** Read only messages that pass, which alone count for `history`; undefined, and with `wantsChanges`: all. */
  readonly filter?: BodyFilter | undefined;
}

export interface Subscribed {
  readonly subscription: Subscription;
  /** Where it starts: everything after it follows. */
  readonly position: Position;
  /** `after` was given, and everything since then follows. */
  readonly isRecovered: boolean;
}

/** What holds of a message beside what it says. */
export interface SendOptions {
  /** Bytes of one message as it is stored; undefined: the limit of all rooms. */
  readonly maxMessageBytes?: number | undefined;
  /** Why it may not make the room; undefined: it may. */
  readonly refuseFirst?: (() => ConfabError) | undefined;
}

export interface SendAllOptions extends SendOptions {
  readonly expected?: Position | undefined;
}

/** The rooms of this node: sends go to the log, and what the log brings goes to the readers. */
export class Hub {
  private readonly rooms = new Map<RoomId, Room>();
  /** Rooms whose first reader is waiting for the bus. */
  private readonly opening = new Map<RoomId, Promise<Room>>();
  private readonly unwatch = new Map<RoomId, () => void>();
  private readonly catchUp: CatchUp;
  private readonly idleRooms: IdleRooms;
  private readonly subscribeTurns: SubscribeTurns;
  private readonly signalRates: SignalRates;
  private readonly deletions: Deletions;
  readonly clock: Clock;
  readonly marks: ReadMarking;

  constructor(private readonly deps: HubDeps) {
    this.clock = deps.clock;
    this.catchUp = new CatchUp(deps.engine.log, deps.turns);
    this.signalRates = new SignalRates(deps.limits, deps.clock);
    this.subscribeTurns = new SubscribeTurns(deps.turns);
    const { log, deletions: notes } = deps.engine;
    this.deletions = new Deletions({
      ...{ notes, clock: deps.clock, turns: deps.turns },
      finish: ({ room, target }, share) => finishDeletion({ log, room, share }, target),
    });
    this.marks = new ReadMarking({
      ...deps,
      isPlainAfter: (id, offset, state) => {
        const room = this.rooms.get(id);
        if (offset === state.newest) return true;
        return room?.epoch === state.epoch && state.newest <= room.top && room.isPlainFrom(offset + 1);
      },
      notePlainAfter: (id, offset, { epoch, newest }) => {
        const room = this.rooms.get(id);
        if (room?.epoch === epoch) room.notePlain(offset + 1, newest);
      },
    });
    this.idleRooms = new IdleRooms({
      log: deps.engine.log,
      turns: deps.turns,
      rooms: () => this.rooms.values(),
      replaced: (room, state) => this.replaceLog(room, state),
    });
  }

  /**
   * Append a message that keeps the contract's constraints, and has at most `maxMessageBytes` as it is stored. Resolves once
   * it is durable. `refuseFirst`: why it may not make the room; undefined: it may.
   *
   * @throws PAYLOAD_TOO_LARGE, and what `RoomLog.append` throws.
   */
  async send(message: NewMessage, maxMessageBytes?: number, refuseFirst?: () => ConfabError): Promise<Ack> {
    const room = roomIdFrom(message.room);
    const { id, entry } = this.draftOf(message, room, { maxMessageBytes, refuseFirst });
    return ackOf(id, await this.deps.engine.log.append(room, entry));
  }

  /**
   * Append messages of one room together, all of them or none. Otherwise as `send`. `expected`: only if that is the newest
   * position of the room. Together they may take as many bytes as one message of any room: requests that carry a batch have
   * the bound of those that carry a message, which is higher in JSON, and a batch is stored by all transports or by none.
   *
   * @throws PAYLOAD_TOO_LARGE: one of them is too large, or all of them are. What `RoomLog.appendAll` throws.
   */
  async sendAll(room: RoomId, messages: readonly NewMessage[], options: SendAllOptions = {}): Promise<readonly Ack[]> {
    const drafts = messages.map((message) => this.draftOf(message, room, options));
    const entries = drafts.map(({ entry }) => entry);
    const bytes = entries.reduce((sum, { body }) => sum + body.length, 0);
    const { maxMessageBytes } = this.deps.limits;
    if (bytes > maxMessageBytes) {
      throw new ConfabError("PAYLOAD_TOO_LARGE", `the batch is ${bytes} bytes; maxMessageBytes is ${maxMessageBytes}`);
    }
    const appended = await this.deps.engine.log.appendAll(room, entries, options.expected);
    return appended.map((each, index) => ackOf(drafts[index]?.id ?? "", each));
  }

  /**
   * Erase what a message says, and what its edits say; its place and its other fields stay. Resolves once that is durable.
   * From then on this node gives the text to no reader; other nodes are told.
   *
   * @throws OUT_OF_RANGE: there is no message at the position. What `RoomLog.erase` and reading throw.
   */
  erase(room: RoomId, position: Position, share: ScanningShare = unshared): Promise<void> {
    return eraseMessage({ log: this.deps.engine.log, room, share }, position);
  }

  /** Erase a user's entries and name, as far as one call comes. @throws what `eraseUser` throws. */
  eraseUser(erasing: UserErasing): Promise<ErasedUser> {
    return eraseUser(this.deps.engine, erasing);
  }

  /**
   * Append a change of a message that is in the log. It has at most `maxMessageBytes` as it is stored. Resolves once it is
   * durable; a deletion, once no reader gets the text any more.
   *
   * @throws OUT_OF_RANGE: there is no such message. INVALID_MESSAGE: what is there is a change. MESSAGE_DELETED. Of
   * `refusalFor`. What `send` and `erase` throw. After OUTCOME_UNKNOWN the same again finishes it; a deletion whose entry was
   * stored is finished by `finishDeletions`, too.
   */
  async change(changing: MessageChanging, maxMessageBytes?: number): Promise<Ack> {
    const { log } = this.deps.engine;
    const { room, share } = changing;
    const { id, appended } = await changeMessage(
      { log, room, share },
      this.deletions,
      changing,
      (change, about, refuseFirst) => this.draftOf(change, room, { maxMessageBytes, refuseFirst }, about),
    );
    return ackOf(id, appended);
  }

  /**
   * The position before the newest messages of a room, of which there may be fewer. Changes do not count, and neither do
   * messages that do not pass the filter: through at most `maxFilteredHistoryEntries` is looked for those that do.
   */
  async beforeNewest(
    id: RoomId,
    state: RoomState,
    messages: number,
    share: ScanningShare,
    filter?: BodyFilter,
  ): Promise<number> {
    const { log } = this.deps.engine;
    if (filter) {
      const wanted = { messages, filter, maxEntries: this.deps.limits.maxFilteredHistoryEntries };
      return (await beforeNewestMessages({ log, room: id, share }, state, wanted)).offset;
    }
    const room = this.rooms.get(id);
    const known = room?.epoch === state.epoch ? plainStart(room, state, messages) : undefined;
    if (known !== undefined) return known;
    const { offset, hasChanges } = await beforeNewestMessages({ log, room: id, share }, state, { messages });
    if (!hasChanges && room?.epoch === state.epoch) room.notePlain(offset + 1, state.newest);
    return offset;
  }

  /**
   * Whether nothing after a position passes a filter, as far as that is known without a look at the log: this node has readers
   * with the filter. That is so also where what follows the position was trimmed. `state`: of the room now.
   */
  isQuietAfter(id: RoomId, state: RoomState, after: Position, filter: BodyFilter): boolean {
    const offset = offsetHere(after, state);
    const room = this.rooms.get(id);
    if (offset === undefined || offset > state.newest || room?.epoch !== state.epoch) return false;
    return state.newest <= room.top && room.isQuietAfter(offset, filter);
  }

  /**
   * Begin to read a room. Messages reach the sink only in a later turn of the event loop, so that the caller can announce
   * the position first.
   *
   * @throws OUT_OF_RANGE: `after` cannot be resumed from. CANCELLED: the connection has closed.
   */
  async subscribe(request: SubscribeRequest, sink: Sink): Promise<Subscribed> {
    await this.subscribeTurns.take(sink.share);
    // Those who were let in at once go on at once: each has to see what the others before it have spent.
    await sink.share.begin(cost.subscribe);
    const room = await this.openRoom(request.room);
    try {
      const state = await this.deps.engine.log.state(request.room);
      // During the awaits the room's last reader may have left and taken it along.
      if (this.rooms.get(request.room) !== room) return await this.subscribe(request, sink);
      if (state.epoch !== room.epoch) {
        this.replaceLog(room, state);
        return await this.subscribe(request, sink);
      }
      const { after, history, wantsChanges } = request;
      room.admitFilter(request.filter);
      const plain = request.filter && history > 0 ? undefined : plainStart(room, state, history);
      const known = after ? resumableOffset(request.room, after, state) : plain;
      const cursor = known ?? (await this.beforeNewest(request.room, state, history, sink.share, request.filter));
      if (this.rooms.get(request.room) !== room) return await this.subscribe(request, sink);
      // Others may have brought theirs meanwhile.
      const filter = room.admitFilter(request.filter);
      const subscription = new Subscription(room, sink, request.user, cursor, wantsChanges, filter);
      room.enter(subscription);
      return { subscription, position: { epoch: room.epoch, offset: cursor }, isRecovered: after !== undefined };
    } finally {
      if (room.subscriberCount === 0) this.closeRoom(room);
    }
  }

  /** Tell a room's readers on all nodes, at most once. @throws RATE_LIMITED: the user has signalled there too often. */
  signal(signal: Signal): void {
    this.signalRates.take(signal);
    this.deps.engine.bus.signal(signal);
  }

  /** Resolves after at least so many milliseconds. */
  pause(ms: number): Promise<void> {
    return new Promise((resolve) => this.deps.turns.afterMs(ms, resolve));
  }

  /** A room that somebody on this node reads; undefined otherwise. */
  roomInUse(room: RoomId): Room | undefined {
    return this.rooms.get(room);
  }

  /**
   * Compare the rooms of which nothing was heard since the last call with the log, and bring their readers what the bus has
   * lost. To be called from time to time; it returns at once and works in slices, and a call during one does nothing.
   */
  checkIdleRooms(): void {
    this.idleRooms.check();
  }

  /**
   * Erase what deletions should have erased that were cut after their entry was stored: by a crash of any node, or by an
   * engine that was away. To be called at the start and from time to time. Never rejects.
   */
  finishDeletions(): Promise<void> {
    return this.deletions.finishCut();
  }

  /** End every subscription, when the server stops. */
  close(error: ConfabError): void {
    this.deletions.close();
    this.marks.close();
    for (const room of [...this.rooms.values()]) room.expelAll(() => error);
  }

  private async openRoom(id: RoomId): Promise<Room> {
    const open = this.rooms.get(id);
    if (open) return open;
    const opening = this.opening.get(id);
    if (opening) return opening;
    const opened = this.watchRoom(id).finally(() => this.opening.delete(id));
    this.opening.set(id, opened);
    return opened;
  }

  /** Hear first, then ask for the top: what is appended in between is heard, and what was before is below the top. */
  private async watchRoom(id: RoomId): Promise<Room> {
    const { engine, turns } = this.deps;
    let room: Room | undefined;
    const early: Parameters<Room["entries"]>[] = [];
    let wasInterrupted = false;
    const unwatch = await engine.bus.watch(id, {
      entries: (...heard) => (room ? room.entries(...heard) : early.push(heard)),
      interrupted: () => {
        wasInterrupted = true;
        room?.interrupted();
      },
      erased: () => {
        // What came before the room was there is in the log.
        early.length = 0;
        wasInterrupted = true;
        room?.erased();
      },
      signal: (signal) => room?.signal(signal),
      presence: (changes, members) => room?.presence(changes, members),
    });
    try {
      const state = await engine.log.state(id);
      room = new Room(id, state.epoch, state.newest, {
        turns,
        members: engine.members,
        limits: this.deps.limits,
        catchUp: (subscription) => this.catchUp.add(subscription),
        compare: (suspect) => this.idleRooms.checkSoon(suspect),
        forget: (forgetful) => this.catchUp.forget(forgetful),
        emptied: (emptied) => this.closeRoom(emptied),
      });
    } catch (thrown) {
      unwatch();
      throw thrown;
    }
    for (const heard of early) room.entries(...heard);
    if (wasInterrupted) room.interrupted();
    this.rooms.set(id, room);
    this.unwatch.set(id, unwatch);
    return room;
  }

  /** A message as the log takes it, and the id that it has from now on. @throws PAYLOAD_TOO_LARGE */
  private draftOf(
    message: NewMessage & { readonly change?: MessageChange },
    room: RoomId,
    { maxMessageBytes = this.deps.limits.maxMessageBytes, refuseFirst }: SendOptions,
    about?: Position,
  ): { readonly id: string; readonly entry: NewEntry } {
    const { clock, ids, limits } = this.deps;
    const sentAtMs = clock.nowMs();
    const id = message.id === "" ? ids.messageId(sentAtMs) : message.id;
    const { user, text, payload, change } = message;
    const body = encodeBody({ user, text, room, id, payload, sentAtMs, change });
    if (body.length > maxMessageBytes) {
      const where = maxMessageBytes === limits.maxMessageBytes ? "" : ` of room ${room}`;
      const text = `the message is ${body.length} bytes; maxMessageBytes${where} is ${maxMessageBytes}`;
      throw new ConfabError("PAYLOAD_TOO_LARGE", text);
    }
    // An id of our own making is new by construction, and need not be remembered.
    const dedupeKey = message.id === "" ? undefined : change ? keyOfChange(user, change, id) : `${user}\0${id}`;
    return { id, entry: { body, sentAtMs, dedupeKey, refuseFirst, about } };
  }

  /** The log was replaced underneath: what the room's readers hold are positions of another one, or of an earlier epoch. */
  private replaceLog(room: Room, state: RoomState): void {
    room.expelAll(({ position }) => replacedUnder(room.id, position, state));
    this.closeRoom(room);
  }

  private closeRoom(room: Room): void {
    if (this.rooms.get(room.id) !== room) return;
    this.rooms.delete(room.id);
    this.unwatch.get(room.id)?.();
    this.unwatch.delete(room.id);
  }
}

/** For work that is of no connection. */
const unshared: ScanningShare = { begin: () => undefined, spend: () => undefined };

/** Neither names nor ids have a NUL, so that no message has the key of a change. */
function keyOfChange(user: string, { kind, target }: MessageChange, id: string): string {
  return `${user}\0${kind}\0${target}\0${id}`;
}

/** The offset before the newest messages, where it follows without reading the log; undefined: there may be changes among them. */
function plainStart(room: Room, { oldest, newest }: RoomState, messages: number): number | undefined {
  const offset = Math.max(oldest - 1, newest - messages);
  // What is above the top is not known yet.
  return messages === 0 || (newest <= room.top && room.isPlainFrom(offset + 1)) ? offset : undefined;
}

function ackOf(id: string, { position, sentAtMs, isDuplicate }: Appended): Ack {
  return { id, position, sentAtMs, duplicate: isDuplicate };
}
