import { durationMs } from "@bufbuild/protobuf/wkt";
import {
  type GetRoomRetentionRequest,
  GetRoomRetentionRequestSchema,
  type RoomRetention,
  type SetRoomRetentionRequest,
  SetRoomRetentionRequestSchema,
} from "@confab/contract/gen/confab/v1/admin_rooms_pb";
import { refuseViolations, violationsOf } from "@confab/contract/validation";
import { type KeptBounds, type Retention, type RoomId, retentionFrom, roomIdFrom } from "../../core/index.js";
import type { Operation } from "./operation.js";

interface Bounding {
  readonly room: RoomId;
  readonly retention: Retention;
}

/** Give a room its own bounds. Resolves once that is durable, with those that hold. @throws what `RoomLog.setRetention` throws. */
export const setRoomRetention: Operation<SetRoomRetentionRequest, Bounding, Promise<KeptBounds>> = {
  action: "admin",
  check: (asked) => {
    refuseViolations(violationsOf(SetRoomRetentionRequestSchema, asked));
    return { room: roomIdFrom(asked.room), retention: boundsFrom(asked.retention) };
  },
  scopeOf: () => "all rooms",
  auditFacts: ({ room, retention }) => ({ operation: "set retention", boundedRoom: room, ...retention }),
  run: async ({ room, retention }, _caller, { engine }) => {
    await engine.log.setRetention(room, retention);
    return engine.log.retentionOf(room);
  },
};

/** How much of a room is kept. */
export const roomRetention: Operation<GetRoomRetentionRequest, RoomId, Promise<KeptBounds>> = {
  action: "admin",
  check: (asked) => {
    refuseViolations(violationsOf(GetRoomRetentionRequestSchema, asked));
    return roomIdFrom(asked.room);
  },
  scopeOf: () => "all rooms",
  auditFacts: (room) => ({ operation: "get retention", boundedRoom: room }),
  run: async (room, _caller, { engine }) => engine.log.retentionOf(room),
};

function boundsFrom(asked: RoomRetention | undefined): Retention {
  if (!asked) return {};
  const { maxMessages, maxAge, maxBytes } = asked;
  return retentionFrom([Number(maxMessages), maxAge ? durationMs(maxAge) : 0, Number(maxBytes)]);
}
