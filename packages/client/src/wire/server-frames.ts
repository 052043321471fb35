import { fromBinary, type JsonObject } from "@bufbuild/protobuf";
import { durationMs } from "@bufbuild/protobuf/wkt";
import type { ConfabError } from "@confab/contract";
import { GoodbyeSchema, type ServerFrame, ServerFrameSchema } from "@confab/contract/gen/confab/v1/frame_pb";
import type { Ack, ChatMessage, HistoryPage } from "../link.js";
import { errorFromJson, errorFromWire } from "./errors.js";
import { isJsonObject } from "./payloads.js";
import { positionText } from "./positions.js";
import { ackFrom, historyFrom, historyReply, messageFrom, messagesFromJson, type Reply, readJson } from "./replies.js";

/** What a ServerFrame says, in the application's terms. */
export type ServerEvent =
  | { readonly kind: "welcome"; readonly pingIntervalMs: number; readonly maxMessageBytes: number }
  | { readonly kind: "subscribed"; readonly room: string; readonly position: string; readonly recovered: boolean }
  | { readonly kind: "unsubscribed"; readonly room: string; readonly reason: ConfabError | undefined }
  | { readonly kind: "ack"; readonly ack: Ack }
  | { readonly kind: "messages"; readonly messages: readonly ChatMessage[] }
  | { readonly kind: "history"; readonly page: HistoryPage }
  | { readonly kind: "error"; readonly error: ConfabError }
  | {
      readonly kind: "goodbye";
      readonly reason: ConfabError | undefined;
      readonly reconnectWithinMs: number | undefined;
    }
  | { readonly kind: "done" }
  /** Signals and presence that were not asked for, pings, and what a newer server may say. */
  | { readonly kind: "other" };

/** A ServerEvent with the request that it answers, 0 for a push. */
export interface NumberedEvent {
  readonly request: number;
  readonly event: ServerEvent;
}

export const serverFrameReply: Reply<NumberedEvent> = {
  fromProto: (bytes) => numbered(fromBinary(ServerFrameSchema, bytes)),
  fromJson: (json) => {
    if (!isJsonObject(json)) throw new Error("a frame is not an object");
    return eventFromJson(json);
  },
};

function numbered({ request, frame }: ServerFrame): NumberedEvent {
  return { request, event: eventFrom(frame) };
}

function eventFrom(frame: ServerFrame["frame"]): ServerEvent {
  switch (frame.case) {
    case "welcome":
      return {
        kind: "welcome",
        pingIntervalMs: frame.value.pingInterval ? durationMs(frame.value.pingInterval) : 0,
        maxMessageBytes: frame.value.maxMessageBytes || Number.POSITIVE_INFINITY,
      };
    case "subscribed":
      return {
        kind: "subscribed",
        room: frame.value.room,
        position: positionText(frame.value.position),
        recovered: frame.value.recovered,
      };
    case "unsubscribed":
      return {
        kind: "unsubscribed",
        room: frame.value.room,
        reason: frame.value.reason && errorFromWire(frame.value.reason),
      };
    case "ack":
      return { kind: "ack", ack: ackFrom(frame.value) };
    case "messages":
      return { kind: "messages", messages: frame.value.messages.map((message) => messageFrom(message)) };
    case "history":
      return { kind: "history", page: historyFrom(frame.value) };
    case "error":
      return { kind: "error", error: errorFromWire(frame.value) };
    case "goodbye":
      return {
        kind: "goodbye",
        reason: frame.value.reason && errorFromWire(frame.value.reason),
        reconnectWithinMs: frame.value.reconnectWithin && durationMs(frame.value.reconnectWithin),
      };
    case "done":
      return { kind: "done" };
    default:
      return { kind: "other" };
  }
}

/** Frames that may hold payloads or error details are read here; the rest has neither, and the generated code reads it. */
function eventFromJson(json: JsonObject): NumberedEvent {
  const { messages, history, error, unsubscribed, goodbye, signal, ...rest } = json;
  const request = typeof json["request"] === "number" ? json["request"] : 0;
  const reasonOf = (from: JsonObject) => (isJsonObject(from["reason"]) ? errorFromJson(from["reason"]) : undefined);
  if (isJsonObject(messages))
    return { request, event: { kind: "messages", messages: messagesFromJson(messages["messages"]) } };
  if (history !== undefined) return { request, event: { kind: "history", page: historyReply.fromJson(history) } };
  if (error !== undefined) return { request, event: { kind: "error", error: errorFromJson(error) } };
  if (isJsonObject(goodbye)) {
    const { reconnectWithin } = readJson(GoodbyeSchema, { reconnectWithin: goodbye["reconnectWithin"] ?? null });
    const reconnectWithinMs = reconnectWithin && durationMs(reconnectWithin);
    return { request, event: { kind: "goodbye", reason: reasonOf(goodbye), reconnectWithinMs } };
  }
  if (isJsonObject(unsubscribed)) {
    const room = typeof unsubscribed["room"] === "string" ? unsubscribed["room"] : "";
    return { request, event: { kind: "unsubscribed", room, reason: reasonOf(unsubscribed) } };
  }
  if (signal !== undefined) return { request, event: { kind: "other" } };
  return numbered(readJson(ServerFrameSchema, rest));
}
