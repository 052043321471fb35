import { type DeleteRoomRequest, DeleteRoomRequestSchema } from "@confab/contract/gen/confab/v1/admin_rooms_pb";
import { refuseViolations, violationsOf } from "@confab/contract/validation";
import { type RoomId, roomIdFrom } from "../../core/index.js";
import type { Operation } from "./operation.js";

/** Remove a room, on all nodes. Resolves once that is durable, with how many entries it had. @throws what `RoomLog.remove` throws. */
export const deleteRoom: Operation<DeleteRoomRequest, RoomId, Promise<number>> = {
  action: "admin",
  check: (asked) => {
    refuseViolations(violationsOf(DeleteRoomRequestSchema, asked));
    return roomIdFrom(asked.room);
  },
  scopeOf: () => "all rooms",
  auditFacts: (room) => ({ operation: "delete room", deletedRoom: room }),
  auditOutcome: (messages) => ({ messages }),
  run: (room, _caller, { engine }) => engine.log.remove(room),
};
