import { ConfabError, type Limits, type PayloadTypes } from "@confab/contract";
import type { Engine, Hub, RoomId } from "../../core/index.js";
import type { Caller } from "./caller.js";
import type { LiveCallers } from "./live-callers.js";
import type { Action, Principal } from "./principal.js";

export interface OperationDeps {
  readonly hub: Hub;
  readonly engine: Engine;
  readonly types: PayloadTypes;
  readonly limits: Limits;
  /** What has to end when its caller's token does; undefined on a server that asks for none. */
  readonly liveCallers?: LiveCallers | undefined;
}

/** One operation of the contract. Each has a file here; `operations.ts` opens them to callers. */
export interface Operation<Asked, Checked, Reply, Form extends readonly unknown[] = []> {
  /** What the caller must be allowed to do. It has no default. */
  readonly action: Action;
  /** What is asked, in the name of the caller's verified user where it names none. */
  readonly named?: (asked: Asked, user: string) => Asked;
  /**
   * Check what is asked, and put it into core's terms. Nothing else checks it.
   *
   * @throws INVALID_MESSAGE with each violation of the contract, MALFORMED_MESSAGE: a payload that is not of its type.
   */
  readonly check: (asked: Asked, deps: OperationDeps) => Checked;
  /** The room that the caller needs permission for; undefined for an operation on no particular room. */
  readonly roomOf: (checked: Checked) => RoomId | undefined;
  /** The user in whose name it is asked; empty: no name. */
  readonly userOf?: (checked: Checked) => string;
  /** `form`: what the operation has to know of the reply's form, or of where it goes. */
  readonly run: (checked: Checked, caller: Caller, deps: OperationDeps, ...form: Form) => Reply;
}

/** The form of a reply that may be large. */
export interface LargeForm {
  /** Resolves when there is room for the reply: asked once the request was found good, and before anything is read for it. */
  readonly begin: () => Promise<void>;
}

/**
 * The one way from a caller to an operation.
 *
 * @throws UNAUTHENTICATED, TOKEN_EXPIRED, KEYS_UNAVAILABLE: the caller has to show another token, or to wait. PERMISSION_DENIED.
 */
export function opened<Asked, Checked, Reply, Form extends readonly unknown[]>(
  operation: Operation<Asked, Checked, Reply, Form>,
  deps: OperationDeps,
): (asked: Asked, caller: Caller, ...form: Form) => Reply {
  const { action, named, check, roomOf, userOf, run } = operation;
  const { clock } = deps.hub;
  return (asked, caller, ...form) => {
    const { principal } = caller;
    const refusal = principal.refusal(clock.nowMs());
    if (refusal) throw refusal;
    const { user } = principal;
    const checked = check(named !== undefined && user !== undefined ? named(asked, user) : asked, deps);
    const room = roomOf(checked);
    permit(principal, action, room);
    if (user !== undefined && userOf) permitName(principal, user, userOf(checked), room);
    return run(checked, caller, deps, ...form);
  };
}

function permit(principal: Principal, action: Action, room: RoomId | undefined): void {
  if (!principal.may(action, room)) throw denied(action, room);
}

export function denied(action: Action, room: RoomId | undefined): ConfabError {
  return new ConfabError(
    "PERMISSION_DENIED",
    `${action} is not allowed${room === undefined ? "" : ` in room ${room}`}`,
  );
}

/** The name that a caller uses is its token's. */
function permitName(principal: Principal, user: string, name: string, room: RoomId | undefined): void {
  if (name === user || name === "" || principal.may("send-as", room)) return;
  const [own, other] = [JSON.stringify(user), JSON.stringify(name)];
  throw new ConfabError("PERMISSION_DENIED", `the token is for user ${own}, and may not be used for user ${other}`);
}
