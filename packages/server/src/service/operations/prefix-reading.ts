import { create } from "@bufbuild/protobuf";
import { ConfabError, confabErrorFrom, type Position } from "@confab/contract";
import { UserSchema } from "@confab/contract/gen/confab/v1/message_pb";
import type { RoomId, Sink, Subscribed, Subscription } from "../../core/index.js";
import { cost } from "../../work/index.js";
import { wirePositionFrom } from "../conversions.js";
import type { Caller } from "./caller.js";
import type { OperationDeps } from "./operation.js";
import { refusalOfName } from "./principal.js";
import type { AskedReader, Reading } from "./subscribe.js";

/** Rooms of one prefix that begin at the same time: on a networked engine each waits for answers. */
const maxBeginning = 8;

/** Names that are read in one step of work. */
const roomsPerStep = 50;

/** How often a room's first messages may be trimmed while it begins to be read from them. */
const maxTrims = 5;

export interface PrefixRequest {
  readonly prefix: string;
  readonly user: string;
  readonly wantsChanges: boolean;
  readonly wantsPresence: boolean;
  /** Of rooms that begin with what is sent from now on: so many of the newest messages. */
  readonly history: number;
  readonly after: ReadonlyMap<RoomId, Position>;
  /** Rooms that are not in `after` came into being since. */
  readonly isResumed: boolean;
}

/** How a transport reads the rooms of a prefix. */
export interface PrefixForm {
  /** Take a room for this prefix. False: the connection reads it already. */
  take(room: RoomId): boolean;
  /** Where a room's bytes go. Its end is reported by its `ended`. */
  sinkOf(room: RoomId, wantsPresence: boolean): Sink;
  /** A room that was taken has begun. Messages reach its sink only in a later turn of the event loop. */
  began(room: RoomId, subscribed: Subscribed): void;
  /** A room that was taken does not begin; undefined: and the client need not know. */
  refused(room: RoomId, error: ConfabError | undefined): void;
  /** The prefix has ended: its rooms are given back, and their subscriptions are closed. Nothing is called after it but `failed`. */
  closed(): void;
  /** Why the server has ended it. */
  failed(error: ConfabError): void;
}

export interface PrefixDeps extends Pick<OperationDeps, "engine" | "hub" | "limits" | "rooms"> {
  readonly caller: Caller;
  readonly form: PrefixForm;
  /** @see subscribe */
  readonly subscribe: (asked: AskedReader, caller: Caller, sink: Sink) => Promise<Reading>;
}

/** A room of the prefix: where it begins, and its subscription once it has begun. */
interface Place {
  start: Position | "first message" | "from now on";
  subscription: Subscription | undefined;
  /** It was ended since it might not be read any more: it goes on when it may be read again. */
  isSuspended: boolean;
  /** The engine has announced it since its state was asked for. */
  isTold: boolean;
}

/**
 * The rooms of one prefix, each a subscription.
 *
 * The engine announces new rooms before the rooms that are there are listed, so that none is missed between. A room
 * that comes later, be it that it is made or that it may be read only then, is read from its first message. Which rooms are
 * known is bounded by `maxRoomsPerPrefix`; those that may not be read are not remembered.
 */
export class PrefixReading {
  private readonly rooms = new Map<RoomId, Place>();
  /** Rooms that are to begin, in the order in which they were found. */
  private readonly waiting = new Set<RoomId>();
  private beginning = 0;
  private isListed = false;
  private hasBegun = false;
  private isClosed = false;
  private failure: ConfabError | undefined;
  private unwatch: () => void = () => undefined;
  private rested: () => void = () => undefined;
  private isLooking = false;
  /** A look was asked for since the last one began. */
  private mustLook = false;

  constructor(
    private readonly request: PrefixRequest,
    private readonly deps: PrefixDeps,
  ) {}

  /**
   * Resolves once the rooms that are there have begun, or were refused. To be called once.
   *
   * @throws TOO_MANY_SUBSCRIPTIONS: there are more than `maxRoomsPerPrefix`. ENGINE_UNAVAILABLE. CANCELLED: it was closed.
   */
  async begin(): Promise<void> {
    const { prefix, after } = this.request;
    try {
      const unwatch = await this.deps.engine.bus.watchRooms(prefix, (room) => this.found(room));
      if (this.isClosed) unwatch();
      else this.unwatch = unwatch;
      for (const [room, position] of after) this.add(room, position);
      await this.list(this.request.isResumed ? "first message" : "from now on");
    } catch (thrown) {
      this.close();
      throw thrown;
    }
    this.isListed = true;
    const resting = new Promise<void>((resolve) => {
      this.rested = resolve;
    });
    this.beginSome();
    await resting;
    this.throwIfOver();
    this.hasBegun = true;
  }

  /** What the caller may read may have changed. Returns at once. */
  lookAgain(): void {
    if (!this.isListed || this.isClosed) return;
    this.mustLook = true;
    if (!this.isLooking) void this.look();
  }

  /** End all its rooms. May be called twice. */
  close(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.unwatch();
    for (const { subscription } of this.rooms.values()) subscription?.close();
    this.deps.form.closed();
    this.rooms.clear();
    this.waiting.clear();
    this.rested();
  }

  /** One look at a time. Those that are asked for meanwhile are one after it, with what may be read by then. Never rejects. */
  private async look(): Promise<void> {
    this.isLooking = true;
    try {
      while (this.mustLook && !this.isClosed) {
        this.mustLook = false;
        await this.list("first message");
      }
    } catch (thrown) {
      this.fail(confabErrorFrom(thrown));
    }
    this.isLooking = false;
  }

  private get hasRest(): boolean {
    return this.beginning === 0 && this.waiting.size === 0;
  }

  /** @throws why it has failed, or CANCELLED. */
  private throwIfOver(): void {
    if (this.failure) throw this.failure;
    if (this.isClosed) throw new ConfabError("CANCELLED", `prefix ${this.request.prefix} was unsubscribed`);
  }

  /** Find the rooms that are there. */
  private async list(start: Place["start"]): Promise<void> {
    const { engine, caller } = this.deps;
    for (let after: RoomId | "" | undefined = ""; after !== undefined; ) {
      await caller.share.begin(roomsPerStep * cost.listed.proto);
      const listed: readonly { readonly room: RoomId }[] = await engine.log.list(
        this.request.prefix,
        after,
        roomsPerStep,
      );
      this.throwIfOver();
      for (const { room } of listed) if (this.isWanted(room)) this.add(room, start);
      this.throwIfOver();
      after = listed.length === roomsPerStep ? listed.at(-1)?.room : undefined;
    }
    if (this.isListed) this.beginSome();
  }

  /** The engine announces a room. */
  private found(room: RoomId): void {
    if (this.isClosed) return;
    const place = this.rooms.get(room);
    if (place) place.isTold = true;
    if (!this.isWanted(room)) return;
    this.add(room, "first message");
    if (this.isListed) this.beginSome();
  }

  private isWanted(room: RoomId): boolean {
    const place = this.rooms.get(room);
    return (place === undefined || place.isSuspended) && this.mayRead(room);
  }

  private mayRead(room: RoomId): boolean {
    const { principal } = this.deps.caller;
    return principal.may("read", room) && refusalOfName(principal, this.request.user, room) === undefined;
  }

  private add(room: RoomId, start: Place["start"]): void {
    const { maxRoomsPerPrefix } = this.deps.limits;
    const known = this.rooms.get(room);
    if (known) known.isSuspended = false;
    else if (this.rooms.size >= maxRoomsPerPrefix) {
      const { prefix } = this.request;
      const text = `prefix ${prefix} has more than ${maxRoomsPerPrefix} rooms; maxRoomsPerPrefix is ${maxRoomsPerPrefix}`;
      this.fail(new ConfabError("TOO_MANY_SUBSCRIPTIONS", text));
      return;
    } else this.rooms.set(room, { start, subscription: undefined, isSuspended: false, isTold: false });
    this.waiting.add(room);
  }

  private fail(error: ConfabError): void {
    if (this.isClosed) return;
    this.failure = error;
    this.close();
    // Before that, `begin` throws it.
    if (this.hasBegun) this.deps.form.failed(error);
  }

  private beginSome(): void {
    for (const room of this.waiting) {
      if (this.beginning >= maxBeginning) return;
      this.waiting.delete(room);
      this.beginning++;
      void this.beginRoom(room).then(() => {
        this.beginning--;
        this.beginSome();
      });
    }
    if (this.hasRest) this.rested();
  }

  /** Never rejects. */
  private async beginRoom(room: RoomId): Promise<void> {
    const place = this.rooms.get(room);
    const { form, hub } = this.deps;
    // Another request of the connection has taken it: it stays as it is.
    if (!place || !form.take(room)) return;
    for (let trims = 0; !this.isClosed; ) {
      try {
        await this.subscribeTo(room, place);
        return;
      } catch (thrown) {
        if (this.isClosed) return;
        const error = confabErrorFrom(thrown);
        if (isOperators(error)) {
          this.fail(error);
          return;
        }
        if (error.code === "RATE_LIMITED") await hub.pause(error.facts.retryAfterMs ?? 1_000);
        else if (error.code !== "OUT_OF_RANGE" || place.start !== "first message" || ++trims > maxTrims) {
          // What a room named by the client is refused with, the client is told.
          const isSilent = (error.code === "PERMISSION_DENIED" || error.code === "HOOK_REFUSED") && isUnnamed(place);
          form.refused(room, isSilent ? undefined : error);
          this.forgetGone(room, place, error);
          return;
        }
      }
    }
  }

  /** @throws what the subscribe operation throws. */
  private async subscribeTo(room: RoomId, place: Place): Promise<void> {
    const { caller, engine, form, rooms } = this.deps;
    const { user, wantsChanges, history } = this.request;
    const { principal } = caller;
    const { hasPresence, maxHistory } = rooms.of(room);
    let after = typeof place.start === "string" ? undefined : place.start;
    if (place.start === "first message") {
      place.isTold = false;
      const { epoch, oldest, newest } = await engine.log.state(room);
      if (newest === 0 && place.isTold) return this.subscribeTo(room, place);
      if (newest === 0) {
        // Its name is known before its first message is stored. The engine announces it again.
        this.rooms.delete(room);
        form.refused(room, undefined);
        return;
      }
      after = { epoch, offset: oldest - 1 };
    }
    const canHaveHistory = after === undefined && maxHistory > 0 && principal.may("history", room);
    const wantsPresence = this.request.wantsPresence && hasPresence && principal.may("members", room);
    const reader = create(UserSchema, {
      ...{ name: user, room, changes: wantsChanges },
      ...(canHaveHistory && { history }),
      ...(after && { after: wirePositionFrom(after) }),
    });
    const sink = form.sinkOf(room, wantsPresence);
    const ended = (error: ConfabError) => {
      this.ended(place, error);
      sink.ended(error);
      this.forgetGone(room, place, error);
      if (isOperators(error)) this.fail(error);
    };
    const subscribed = await this.deps.subscribe({ reader }, caller, { ...sink, ended });
    if (this.isClosed) {
      subscribed.subscription.close();
      return;
    }
    place.subscription = subscribed.subscription;
    form.began(room, { ...subscribed, isRecovered: typeof place.start !== "string" });
  }

  private ended(place: Place, { code }: ConfabError): void {
    if (code !== "PERMISSION_DENIED" || !place.subscription) return;
    place.start = place.subscription.position;
    place.subscription = undefined;
    place.isSuspended = true;
  }

  /** A room that was deleted is another one when it is made again: it is found then, and is not counted until then. */
  private forgetGone(room: RoomId, place: Place, { code, facts: { range } }: ConfabError): void {
    if (code === "OUT_OF_RANGE" && range?.newest === 0 && this.rooms.get(room) === place) this.rooms.delete(room);
  }
}

/** An operator ends what its reader reads, and not one room. */
function isOperators({ code }: ConfabError): boolean {
  return code === "DISCONNECTED" || code === "RECONNECT";
}

function isUnnamed({ start }: Place): boolean {
  return typeof start === "string";
}
