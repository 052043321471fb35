import type { ConfabError } from "@confab/contract";
import * as contract from "@confab/contract/gen/confab/v1/tables";
import type { Ack, ChatMessage, HistoryPage, IncomingSignal, PresenceChange, ReadMark } from "../link.js";
import { errorFromWire } from "./errors.js";
import { positionText } from "./positions.js";
import { ackFrom, acksFrom, historyFrom, markFrom, messageFrom, type Reply, replyOf } from "./replies.js";
import type { Decoded } from "./table.js";

/** What a ServerFrame says, in the application's terms. */
export type ServerEvent =
  | {
      readonly kind: "welcome";
      readonly pingIntervalMs: number;
      readonly maxMessageBytes: number;
      /** Undefined: the server is too old to say it. */
      readonly dedupeWindowMs: number | undefined;
    }
  | {
      readonly kind: "subscribed";
      /** Empty: all rooms of the prefix have begun that were there. */
      readonly room: string;
      readonly position: string;
      readonly recovered: boolean;
      readonly prefix: string;
    }
  | {
      readonly kind: "unsubscribed";
      readonly room: string;
      readonly reason: ConfabError | undefined;
      readonly prefix: string;
    }
  | { readonly kind: "ack"; readonly ack: Ack }
  | { readonly kind: "acks"; readonly acks: readonly Ack[] }
  | { readonly kind: "messages"; readonly messages: readonly ChatMessage[] }
  | { readonly kind: "signal"; readonly signal: IncomingSignal }
  | { readonly kind: "presence"; readonly change: PresenceChange }
  | { readonly kind: "history"; readonly page: HistoryPage }
  | { readonly kind: "mark"; readonly mark: ReadMark }
  | { readonly kind: "error"; readonly error: ConfabError }
  | {
      readonly kind: "goodbye";
      readonly reason: ConfabError | undefined;
      readonly reconnectWithinMs: number | undefined;
    }
  | { readonly kind: "done" }
  /** Pings, and what a newer server may say. */
  | { readonly kind: "other" };

/** A ServerEvent with the request that it answers, 0 for a push. */
export interface NumberedEvent {
  readonly request: number;
  readonly event: ServerEvent;
}

export const serverFrameReply: Reply<NumberedEvent> = replyOf(contract.serverFrame, (frame) => ({
  request: frame.request,
  event: eventFrom(frame),
}));

function eventFrom(frame: Decoded<typeof contract.serverFrame>): ServerEvent {
  // First what comes most often.
  if (frame.messages) return { kind: "messages", messages: frame.messages.messages.map(messageFrom) };
  if (frame.ack) return { kind: "ack", ack: ackFrom(frame.ack) };
  if (frame.acks) return { kind: "acks", acks: acksFrom(frame.acks) };
  if (frame.signal) return { kind: "signal", signal: signalFrom(frame.signal) };
  if (frame.presence) return { kind: "presence", change: frame.presence };
  if (frame.history) return { kind: "history", page: historyFrom(frame.history) };
  if (frame.mark) return { kind: "mark", mark: markFrom(frame.mark) };
  if (frame.error) return { kind: "error", error: errorFromWire(frame.error) };
  if (frame.done) return { kind: "done" };
  if (frame.welcome) {
    const { pingInterval = 0, maxMessageBytes, dedupeWindow } = frame.welcome;
    return {
      kind: "welcome",
      pingIntervalMs: pingInterval,
      maxMessageBytes: maxMessageBytes || Number.POSITIVE_INFINITY,
      dedupeWindowMs: dedupeWindow,
    };
  }
  if (frame.subscribed) {
    const { room, position, recovered, prefix } = frame.subscribed;
    return { kind: "subscribed", room, position: position ? positionText(position) : "", recovered, prefix };
  }
  if (frame.unsubscribed) {
    const { room, reason, prefix } = frame.unsubscribed;
    return { kind: "unsubscribed", room, prefix, reason: reason && errorFromWire(reason) };
  }
  if (frame.goodbye) {
    const { reason, reconnectWithin } = frame.goodbye;
    return { kind: "goodbye", reason: reason && errorFromWire(reason), reconnectWithinMs: reconnectWithin };
  }
  return { kind: "other" };
}

function signalFrom(signal: Decoded<typeof contract.signal>): IncomingSignal {
  const { user, room, kind, position, payload = signal.encodedPayload } = signal;
  return { user, room, kind, ...(position && { position: positionText(position) }), ...(payload && { payload }) };
}
