import type { MessageInitShape } from "@bufbuild/protobuf";
import { durationFromMs } from "@bufbuild/protobuf/wkt";
import type { EraseUserResponseSchema, RoomRetentionSchema } from "@confab/contract/gen/confab/v1/admin_rooms_pb";
import type { ErasedUser, KeptBounds, Retention } from "../core/index.js";
import { pageFrom } from "./operations/index.js";

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
