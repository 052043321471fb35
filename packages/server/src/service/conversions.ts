import { create } from "@bufbuild/protobuf";
import { type Any, AnySchema, timestampFromMs } from "@bufbuild/protobuf/wkt";
import type { Ack, MessageChange, Payload, Position } from "@confab/contract";
import {
  type ChatResponse,
  ChatResponseSchema,
  type EncodedPayload,
  PositionSchema,
  type SendMessagesResponse,
  SendMessagesResponseSchema,
  type MessageChange as WireChange,
  type Position as WirePosition,
} from "@confab/contract/gen/confab/v1/message_pb";

// Between the contract's generated types and core's own. What the contract's constraints bound to 2^53 fits a number.

export function positionFrom(position: WirePosition): Position;
export function positionFrom(position: WirePosition | undefined): Position | undefined;
export function positionFrom(position: WirePosition | undefined): Position | undefined {
  return position && { epoch: position.epoch, offset: Number(position.offset) };
}

export function wirePositionFrom({ epoch, offset }: Position): WirePosition {
  return create(PositionSchema, { epoch, offset: BigInt(offset) });
}

export function wireAckFrom({ id, position, sentAtMs, duplicate }: Ack): ChatResponse {
  return create(ChatResponseSchema, {
    id,
    position: wirePositionFrom(position),
    sentAt: timestampFromMs(sentAtMs),
    duplicate,
  });
}

export function wireAcksFrom(acks: readonly Ack[]): SendMessagesResponse {
  return create(SendMessagesResponseSchema, { acks: acks.map(wireAckFrom) });
}

/** A change that a sender wrote, which is refused. */
export function changeFrom({ target, kind }: WireChange): MessageChange {
  const at = { target: Number(target) };
  if (kind.case === undefined) return { ...at, kind: "unknown" };
  return kind.case === "reaction"
    ? { ...at, kind: "reaction", emoji: kind.value.emoji, removed: kind.value.removed }
    : { ...at, kind: kind.case };
}

export function payloadFrom(wire: Any | EncodedPayload | undefined): Payload | undefined {
  return wire && { typeUrl: wire.typeUrl, value: wire.value };
}

export function anyFrom(payload: Payload): Any {
  return create(AnySchema, { typeUrl: payload.typeUrl, value: payload.value });
}
