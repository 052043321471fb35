import type { Limits } from "@confab/contract";
import type { RoomId } from "../../core/index.js";
import type { Principal } from "./principal.js";

/** Who may send the first message of a room, if its permissions allow it to create rooms at all. */
export type RoomCreators = "anyone" | "tokens" | "none";

/** What a room has and allows, for every caller. */
export interface RoomPolicy {
  /** Whether its members are listed and its readers are told who comes and goes. */
  readonly hasPresence: boolean;
  /** Messages of one page of history, and those that a subscription may begin with; 0: it has no history. */
  readonly maxHistory: number;
  /** One message, as it is stored. */
  readonly maxMessageBytes: number;
  readonly creators: RoomCreators;
}

/** The policy of each room. */
export interface RoomPolicies {
  of(room: RoomId): RoomPolicy;
}

/** The bound of `GetHistoryRequest.limit` and of `User.history` in the contract. */
export const maxHistoryPage = 1_000;

/** What holds where the configuration says nothing of a room. */
export function defaultPolicy({ maxMessageBytes }: Limits): RoomPolicy {
  return { hasPresence: true, maxHistory: maxHistoryPage, maxMessageBytes, creators: "anyone" };
}

export function mayCreate(principal: Principal, room: RoomId, { creators }: RoomPolicy): boolean {
  if (creators === "none" || (creators === "tokens" && principal.user === undefined)) return false;
  return principal.may("create", room);
}
