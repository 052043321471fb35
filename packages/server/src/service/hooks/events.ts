import { formatPosition } from "@confab/contract";
import type { Signal, SubscribeRequest } from "../../core/index.js";
import { type Caller, type CallerKind, kindOf, type PassedMessage, roomIdFrom } from "../operations/index.js";
import type { DisconnectEvent, EventCaller, SendEvent, SignalEvent, SubscribeEvent } from "./hooks.js";

export function sendEvent(
  { room, user, text, id, payload, changes }: PassedMessage,
  caller: Caller,
  kind: CallerKind,
): SendEvent {
  return Object.freeze({
    room: roomIdFrom(room),
    user,
    text,
    id,
    payload: payload && Object.freeze(payload),
    change: changes && Object.freeze({ ...changes.change, position: formatPosition(changes.position) }),
    caller: eventCaller(caller, kind),
  });
}

export function subscribeEvent(
  { room, user, after, history }: SubscribeRequest,
  caller: Caller,
  kind: CallerKind,
): SubscribeEvent {
  return Object.freeze({
    room,
    user,
    after: after && formatPosition(after),
    history,
    caller: eventCaller(caller, kind),
  });
}

export function signalEvent(
  { room, user, kind: signalKind, position, payload }: Signal,
  caller: Caller,
  kind: CallerKind,
): SignalEvent {
  return Object.freeze({
    room,
    user,
    kind: signalKind,
    position: position && formatPosition(position),
    payload: payload && Object.freeze(payload),
    caller: eventCaller(caller, kind),
  });
}

export function disconnectEvent(caller: Caller): DisconnectEvent {
  return Object.freeze({ caller: eventCaller(caller, kindOf(caller, "some room")) });
}

function eventCaller(
  { principal: { user }, transport, remoteAddress, requestId }: Caller,
  kind: CallerKind,
): EventCaller {
  return Object.freeze({ user, kind, transport, remoteAddress, ...(requestId !== undefined && { requestId }) });
}
