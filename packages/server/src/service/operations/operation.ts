import { ConfabError, type Limits, type PayloadTypes } from "@confab/contract";
import type { Engine, Hub, RoomId } from "../../core/index.js";
import type { Action, Caller } from "./caller.js";

export interface OperationDeps {
  readonly hub: Hub;
  readonly engine: Engine;
  readonly types: PayloadTypes;
  readonly limits: Limits;
}

/** One operation of the contract. Each has a file here; `operations.ts` opens them to callers. */
export interface Operation<Asked, Checked, Reply, Form extends readonly unknown[] = []> {
  /** What the caller must be allowed to do. It has no default. */
  readonly action: Action;
  /**
   * Check what is asked, and put it into core's terms. Nothing else checks it.
   *
   * @throws INVALID_MESSAGE with each violation of the contract, MALFORMED_MESSAGE: a payload that is not of its type.
   */
  readonly check: (asked: Asked, deps: OperationDeps) => Checked;
  /** The room that the caller needs permission for; undefined for an operation on no particular room. */
  readonly roomOf: (checked: Checked) => RoomId | undefined;
  /** `form`: what the operation has to know of the reply's form, or of where it goes. */
  readonly run: (checked: Checked, caller: Caller, deps: OperationDeps, ...form: Form) => Reply;
}

/** The form of a reply that may be large. */
export interface LargeForm {
  /** Resolves when there is room for the reply: asked once the request was found good, and before anything is read for it. */
  readonly begin: () => Promise<void>;
}

/** The one way from a caller to an operation. */
export function opened<Asked, Checked, Reply, Form extends readonly unknown[]>(
  { action, check, roomOf, run }: Operation<Asked, Checked, Reply, Form>,
  deps: OperationDeps,
): (asked: Asked, caller: Caller, ...form: Form) => Reply {
  return (asked, caller, ...form) => {
    const checked = check(asked, deps);
    permit(caller, action, roomOf(checked));
    return run(checked, caller, deps, ...form);
  };
}

function permit({ principal }: Caller, action: Action, room: RoomId | undefined): void {
  if (principal.may(action, room)) return;
  throw new ConfabError("PERMISSION_DENIED", `${action} is not allowed${room === undefined ? "" : ` in room ${room}`}`);
}
