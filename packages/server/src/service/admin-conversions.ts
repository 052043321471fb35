import type { MessageInitShape } from "@bufbuild/protobuf";
import { durationFromMs } from "@bufbuild/protobuf/wkt";
import type {
  EraseUserResponseSchema,
  PublishResultSchema,
  RoomRetentionSchema,
} from "@confab/contract/gen/confab/v1/admin_rooms_pb";
import type { ErasedUser, KeptBounds, Retention } from "../core/index.js";
import { wireAckFrom } from "./conversions.js";
import { wireErrorFrom } from "./error-frame.js";
import { type Published, pageFrom } from "./operations/index.js";

export function wireErasedUserFrom({
  messages,
  changes,
  rooms,
  unreadable,
  next,
}: ErasedUser): MessageInitShape<typeof EraseUserResponseSchema> {
  return {
    messages: BigInt(messages),
    changes: BigInt(changes),
    rooms,
    unreadable: BigInt(unreadable),
    nextPage: pageFrom(next),
  };
}

export function wirePublishedFrom({ room, ack, error }: Published): MessageInitShape<typeof PublishResultSchema> {
  return {
    room,
    outcome: ack
      ? ({ case: "ack", value: wireAckFrom(ack) } as const)
      : ({ case: "error", value: wireErrorFrom(error) } as const),
  };
}

interface WireBounds {
  readonly retention: MessageInitShape<typeof RoomRetentionSchema>;
  readonly effective: MessageInitShape<typeof RoomRetentionSchema>;
}

export function wireBoundsFrom({ own, effective }: KeptBounds): WireBounds {
  return { retention: wireRetentionFrom(own), effective: wireRetentionFrom(effective) };
}

export function wireRetentionFrom({
  maxMessages = 0,
  maxAgeMs,
  maxBytes = 0,
}: Retention): MessageInitShape<typeof RoomRetentionSchema> {
  return {
    maxMessages: BigInt(maxMessages),
    maxBytes: BigInt(maxBytes),
    ...(maxAgeMs !== undefined && { maxAge: durationFromMs(maxAgeMs) }),
  };
}
