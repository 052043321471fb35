import { create } from "@bufbuild/protobuf";
import { type Ack, ConfabError, type SentMessage } from "@confab/contract";
import {
  AuthenticateSchema,
  DoneSchema,
  type Subscribe,
  SubscribedSchema,
  UnsubscribedSchema,
  UnsubscribeSchema,
} from "@confab/contract/gen/confab/v1/frame_pb";
import type { SendMessagesRequest } from "@confab/contract/gen/confab/v1/message_pb";
import { UserSchema } from "@confab/contract/gen/confab/v1/message_pb";
import type { MarkReadRequest } from "@confab/contract/gen/confab/v1/read_mark_pb";
import type { GetHistoryRequest, Signal } from "@confab/contract/gen/confab/v1/room_pb";
import { refuseViolations, violationsOf } from "@confab/contract/validation";
import { cost } from "../../work/index.js";
import { wireAcksFrom, wirePositionFrom } from "../conversions.js";
import { historyForm } from "../history.js";
import { type Caller, callerWith, type Operations, roomIdFrom } from "../operations/index.js";
import { wireMarkFrom } from "../read-marks.js";
import { sentMessageFrom } from "../sent-message.js";
import type { TakenFrame } from "./client-frame.js";
import { handleSubscribePrefix, handleUnsubscribePrefix, roomsBesidePrefixes } from "./prefix-commands.js";
import type { FrameSession, Opening } from "./session.js";

/** Do what a client's frame asks, and answer it. Throws what the client did wrong. */
export function answerFrame(session: FrameSession, { request, frame }: TakenFrame): Promise<void> | void {
  switch (frame.case) {
    case "sent":
      return handleSend(session, request, frame.value);
    case "send":
      return handleSend(session, request, sentMessageFrom(frame.value));
    case "sendAll":
      return handleSendAll(session, request, frame.value);
    case "edit":
      return acknowledge(session, request, (operations, caller) => operations.edit(frame.value, caller));
    case "delete":
      return acknowledge(session, request, (operations, caller) => operations.deleteMessage(frame.value, caller));
    case "react":
      return acknowledge(session, request, (operations, caller) => operations.react(frame.value, caller));
    case "markRead":
      return handleMarkRead(session, request, frame.value);
    case "subscribe":
      return handleSubscribe(session, request, frame.value);
    case "subscribePrefix":
      return handleSubscribePrefix(session, request, frame.value);
    case "unsubscribe":
      refuseViolations(violationsOf(UnsubscribeSchema, frame.value));
      if (frame.value.prefix !== "") return handleUnsubscribePrefix(session, request, frame.value.prefix);
      return handleUnsubscribe(session, request, frame.value.room);
    case "history":
      return handleHistory(session, request, frame.value);
    case "signal":
      return handleSignal(session, request, frame.value);
    case "authenticate":
      refuseViolations(violationsOf(AuthenticateSchema, frame.value));
      return handleAuthenticate(session, request, frame.value.token);
    case "pong":
      return;
    case undefined:
      throw new ConfabError("INVALID_MESSAGE", "the frame says nothing that this server knows", {
        violations: [{ field: "frame", rule: "required", message: "exactly one field is required in oneof" }],
      });
    default:
      frame satisfies never;
  }
}

function handleSend(session: FrameSession, request: number, message: SentMessage): Promise<void> {
  const { service, frames } = session.deps;
  const { format, caller } = session.channel;
  return service.operations.send(message, caller).then((ack) => {
    if (request !== 0) session.sendEncoded(frames.ack(format, request, ack));
  });
}

async function acknowledge(
  session: FrameSession,
  request: number,
  change: (operations: Operations, caller: Caller) => Promise<Ack>,
): Promise<void> {
  const { service, frames } = session.deps;
  const { format, caller } = session.channel;
  const ack = await change(service.operations, caller);
  if (request !== 0) session.sendEncoded(frames.ack(format, request, ack));
}

async function handleSendAll(session: FrameSession, request: number, asked: SendMessagesRequest): Promise<void> {
  const { operations } = session.deps.service;
  const acks = await operations.sendAll(asked, session.channel.caller);
  if (request !== 0) session.send(request, { case: "acks", value: wireAcksFrom(acks) });
}

async function handleMarkRead(session: FrameSession, request: number, asked: MarkReadRequest): Promise<void> {
  const { operations } = session.deps.service;
  const mark = await operations.markRead(asked, session.channel.caller);
  if (request !== 0) session.send(request, { case: "mark", value: wireMarkFrom(mark) });
}

async function handleSubscribe(session: FrameSession, request: number, subscribe: Subscribe): Promise<void> {
  // Without a reader the contract's defaults hold: the lobby, from now on, unlisted.
  const reader = subscribe.reader ?? create(UserSchema);
  const { service } = session.deps;
  const { subscriptions, channel } = session;
  const room = roomIdFrom(reader.room);
  if (subscriptions.has(room))
    throw new ConfabError("ALREADY_SUBSCRIBED", `this connection reads room ${room} already`);
  const { maxRoomsPerConnection } = service.deps.limits;
  if (subscriptions.size >= maxRoomsPerConnection && roomsBesidePrefixes(session) >= maxRoomsPerConnection) {
    throw new ConfabError("TOO_MANY_SUBSCRIPTIONS", `maxRoomsPerConnection is ${maxRoomsPerConnection}`);
  }
  // Taken before the first await, so that a second subscribe to the room cannot slip in meanwhile. It is this opening's
  // own: the client may unsubscribe and subscribe again before it is done.
  const opening: Opening = { isOpening: true };
  subscriptions.set(room, opening);
  try {
    const asked = { reader, within: "reader." };
    // Who comes and goes is what ListMembers shows.
    const wantsPresence = subscribe.presence && channel.caller.principal.may("members", room);
    const events = { wantsPresence, wantsSignals: subscribe.signals };
    const sink = session.sinkOf(events, (error) => session.unsubscribed(room, error));
    const { subscription, position, isRecovered } = await service.operations.subscribe(asked, channel.caller, sink);
    if (subscriptions.get(room) !== opening) {
      subscription.close();
      throw new ConfabError("CANCELLED", `room ${room} was unsubscribed, or the connection closed, before it was open`);
    }
    subscriptions.set(room, subscription);
    const value = create(SubscribedSchema, { room, position: wirePositionFrom(position), recovered: isRecovered });
    session.send(request, { case: "subscribed", value });
  } catch (thrown) {
    if (subscriptions.get(room) === opening) subscriptions.delete(room);
    throw thrown;
  }
}

function handleUnsubscribe(session: FrameSession, request: number, name: string): void {
  const room = roomIdFrom(name);
  const subscription = session.subscriptions.get(room);
  if (!subscription) throw new ConfabError("NOT_SUBSCRIBED", `this connection does not read room ${room}`);
  session.subscriptions.delete(room);
  if (!("isOpening" in subscription)) subscription.close();
  if (request !== 0) session.send(request, { case: "unsubscribed", value: create(UnsubscribedSchema, { room }) });
}

async function handleHistory(session: FrameSession, request: number, asked: GetHistoryRequest): Promise<void> {
  const { service, frames } = session.deps;
  const { format, caller } = session.channel;
  await session.sendLarge(async (begin) => {
    const form = { ...historyForm(format, service.json), begin, isOver: () => session.isClosed };
    const page = await service.operations.history(asked, caller, form);
    return frames.history(format, request, page);
  });
}

function handleSignal(session: FrameSession, request: number, signal: Signal): void | Promise<void> {
  const signalled = session.deps.service.operations.signal(signal, session.channel.caller);
  if (signalled instanceof Promise) return signalled.then(() => done(session, request));
  done(session, request);
}

/** The first token of a connection, or the next one of its user. What the connection reads goes on if the new token allows it. */
async function handleAuthenticate(session: FrameSession, request: number, token: string): Promise<void> {
  const { service, principalBy } = session.deps;
  const { caller } = session;
  caller.share.spend(cost.token);
  const principal = await principalBy(token, caller);
  const renewed = callerWith(principal, caller);
  const refusal = service.refusalOf(renewed);
  if (refusal) throw refusal;
  const { user } = caller.principal;
  if (user !== undefined && principal.user !== user) {
    throw new ConfabError("PERMISSION_DENIED", "the token is of another user than this connection's: open another one");
  }
  const tooMany = service.liveCallers?.tooManyFor(caller, principal);
  if (tooMany) throw tooMany;
  caller.principal = principal;
  service.liveCallers?.principalChanged(session);
  for (const prefix of session.prefixes.values()) prefix.lookAgain();
  done(session, request);
}

function done(session: FrameSession, request: number): void {
  if (request !== 0) session.send(request, { case: "done", value: create(DoneSchema) });
}
