import { create } from "@bufbuild/protobuf";
import { formatPosition, type Position } from "@confab/contract";
import { type EraseMessageRequest, EraseMessageRequestSchema } from "@confab/contract/gen/confab/v1/admin_service_pb";
import { PositionSchema } from "@confab/contract/gen/confab/v1/message_pb";
import { refuseViolations, violationsOf } from "@confab/contract/validation";
import { type RoomId, roomIdFrom } from "../../core/index.js";
import { positionFrom } from "../conversions.js";
import type { Operation } from "./operation.js";

interface Erasure {
  readonly room: RoomId;
  readonly position: Position;
}

/** Erase what one message says, on all nodes. Resolves once that is durable. @throws what `Hub.erase` throws. */
export const erase: Operation<EraseMessageRequest, Erasure, Promise<void>> = {
  action: "admin",
  check: (asked) => {
    refuseViolations(violationsOf(EraseMessageRequestSchema, asked));
    const { room, position } = asked;
    // The contract requires a position.
    return { room: roomIdFrom(room), position: positionFrom(position ?? create(PositionSchema)) };
  },
  scopeOf: () => "all rooms",
  auditFacts: ({ room, position }) => ({
    operation: "erase",
    erasedRoom: room,
    erasedPosition: formatPosition(position),
  }),
  run: ({ room, position }, { share }, { hub }) => hub.erase(room, position, share),
};
