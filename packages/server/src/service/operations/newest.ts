import type { Eventually, RoomId, RoomState } from "../../core/index.js";
import type { Operation } from "./operation.js";

/** What a room holds now, for a reader of it. @throws ENGINE_UNAVAILABLE */
export const newest: Operation<RoomId, RoomId, Eventually<RoomState>> = {
  action: "read",
  check: (room) => room,
  scopeOf: (room) => room,
  run: (room, _caller, { engine }) => engine.log.state(room),
};
