import { create } from "@bufbuild/protobuf";
import { ConfabError } from "@confab/contract";
import { SubscribedSchema, UnsubscribedSchema } from "@confab/contract/gen/confab/v1/frame_pb";
import type { SubscribePrefix } from "@confab/contract/gen/confab/v1/room_prefix_pb";
import type { RoomId, Sink, Subscribed, Subscription } from "../../core/index.js";
import { wirePositionFrom } from "../conversions.js";
import { wireErrorFrom } from "../error-frame.js";
import type { PrefixForm } from "../operations/index.js";
import type { FrameSession, Opening } from "./session.js";

/** Read all rooms of a prefix. The request is answered for each room, and once more when all that are there have begun. */
export async function handleSubscribePrefix(
  session: FrameSession,
  request: number,
  asked: SubscribePrefix,
): Promise<void> {
  const { prefixes, channel } = session;
  const { operations, deps } = session.deps.service;
  const { prefix } = asked;
  joinParts(session, asked);
  if (asked.more) return;
  const reading = operations.subscribePrefix(asked, channel.caller, new PrefixRooms(session, request, asked));
  for (const other of prefixes.keys()) {
    if (!other.startsWith(prefix) && !prefix.startsWith(other)) continue;
    throw new ConfabError("ALREADY_SUBSCRIBED", `this connection reads prefix ${other} already`);
  }
  const { maxPrefixesPerConnection } = deps.limits;
  if (prefixes.size >= maxPrefixesPerConnection)
    throw new ConfabError("TOO_MANY_SUBSCRIPTIONS", `maxPrefixesPerConnection is ${maxPrefixesPerConnection}`);
  // Before the first await: the connection may close meanwhile, and closes it.
  prefixes.set(prefix, reading);
  try {
    await reading.begin();
  } catch (thrown) {
    if (prefixes.get(prefix) === reading) prefixes.delete(prefix);
    throw thrown;
  }
  session.send(request, { case: "subscribed", value: create(SubscribedSchema, { prefix }) });
}

/**
 * Put what came of the request before in front of its next part.
 *
 * @throws INVALID_MESSAGE: it was of another prefix. TOO_MANY_SUBSCRIPTIONS: it names too many rooms. What came before is forgotten.
 */
function joinParts(session: FrameSession, asked: SubscribePrefix): void {
  const part = session.prefixPart;
  session.prefixPart = undefined;
  if (part && part.prefix !== asked.prefix) {
    const message = `it follows one of ${part.prefix} that has more`;
    const violations = [{ field: "prefix", rule: "prefix.more", message }];
    throw new ConfabError("INVALID_MESSAGE", `prefix: ${message}`, { violations });
  }
  if (part) asked.after.unshift(...part.after);
  const { maxRoomsPerPrefix } = session.deps.service.deps.limits;
  if (asked.after.length > maxRoomsPerPrefix)
    throw new ConfabError(
      "TOO_MANY_SUBSCRIPTIONS",
      `after names ${asked.after.length} rooms; maxRoomsPerPrefix is ${maxRoomsPerPrefix}`,
    );
  if (asked.more) session.prefixPart = asked;
}

/** @throws NOT_SUBSCRIBED */
export function handleUnsubscribePrefix(session: FrameSession, request: number, prefix: string): void {
  const reading = session.prefixes.get(prefix);
  if (!reading) throw new ConfabError("NOT_SUBSCRIBED", `this connection does not read prefix ${prefix}`);
  session.prefixes.delete(prefix);
  reading.close();
  if (request !== 0) session.send(request, { case: "unsubscribed", value: create(UnsubscribedSchema, { prefix }) });
}

/** How many rooms a session reads by themselves: those that are read by a prefix have a separate bound. */
export function roomsBesidePrefixes({ subscriptions, readByPrefix }: FrameSession): number {
  let count = 0;
  for (const subscription of subscriptions.values()) if (!readByPrefix.has(subscription)) count++;
  return count;
}

/** The rooms of a prefix among the subscriptions of a session. */
class PrefixRooms implements PrefixForm {
  /** What this prefix has among the subscriptions; some may have ended, and others may be in their place. */
  private readonly taken = new Map<RoomId, Opening | Subscription>();

  constructor(
    private readonly session: FrameSession,
    private readonly requestNumber: number,
    private readonly asked: SubscribePrefix,
  ) {}

  take(room: RoomId): boolean {
    if (this.session.subscriptions.has(room)) return false;
    this.hold(room, { isOpening: true });
    return true;
  }

  sinkOf(room: RoomId, wantsPresence: boolean): Sink {
    const events = { wantsPresence, wantsSignals: this.asked.signals };
    return this.session.sinkOf(events, (error) => this.unsubscribed(room, error));
  }

  began(room: RoomId, { subscription, position, isRecovered }: Subscribed): void {
    const { session } = this;
    if (!this.release(room)) {
      subscription.close();
      return;
    }
    this.hold(room, subscription);
    const { prefix } = this.asked;
    const value = create(SubscribedSchema, {
      ...{ room, prefix, recovered: isRecovered },
      position: wirePositionFrom(position),
    });
    session.send(this.requestNumber, { case: "subscribed", value });
  }

  refused(room: RoomId, error: ConfabError | undefined): void {
    if (!this.release(room) || !error) return;
    if (error.code === "INTERNAL") this.session.deps.report(error);
    this.unsubscribed(room, error);
  }

  closed(): void {
    for (const room of [...this.taken.keys()]) this.release(room);
  }

  failed(error: ConfabError): void {
    const { session } = this;
    const { prefix } = this.asked;
    session.prefixes.delete(prefix);
    const value = create(UnsubscribedSchema, { prefix, reason: wireErrorFrom(error) });
    session.send(this.requestNumber, { case: "unsubscribed", value });
  }

  private unsubscribed(room: RoomId, error: ConfabError): void {
    this.taken.delete(room);
    this.session.unsubscribed(room, error, { prefix: this.asked.prefix, request: this.requestNumber });
  }

  private hold(room: RoomId, taken: Opening | Subscription): void {
    const { subscriptions, readByPrefix } = this.session;
    subscriptions.set(room, taken);
    readByPrefix.add(taken);
    this.taken.set(room, taken);
  }

  /** Give a room back. False: the client has unsubscribed it, or the server has ended it. */
  private release(room: RoomId): boolean {
    const { subscriptions } = this.session;
    const taken = this.taken.get(room);
    this.taken.delete(room);
    if (taken === undefined || subscriptions.get(room) !== taken) return false;
    subscriptions.delete(room);
    return true;
  }
}
