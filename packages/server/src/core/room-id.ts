import { defaultRoom } from "@confab/contract";

/** The name of a room, its shape checked by the contract. */
export type RoomId = string & { readonly __brand: "RoomId" };

/** The room a message or a reader names; none is the lobby. The name must have passed the contract's constraints. */
export function roomIdFrom(room: string): RoomId {
  return (room === "" ? defaultRoom : room) as RoomId;
}
