import { ConfabError, type Limits, type PayloadTypes } from "@confab/contract";
import type { Engine, Hub } from "../../core/index.js";
import { Administration, type Audit, audited } from "./audit.js";
import { type Caller, charged } from "./caller.js";
import type { CallerRates } from "./caller-rates.js";
import type { LiveCallers } from "./live-callers.js";
import type { NodeConnections } from "./node-connections.js";
import type { OperationHooks } from "./operation-hooks.js";
import { type Action, type Principal, refusalOfName, type Scope } from "./principal.js";
import type { RoomPolicies } from "./room-policy.js";

export interface OperationDeps {
  readonly hub: Hub;
  readonly engine: Engine;
  readonly types: PayloadTypes;
  readonly limits: Limits;
  readonly rooms: RoomPolicies;
  /** How long from now an accepted token can be used at the most, in milliseconds: a revocation is kept for so long. */
  readonly longestTokenUseMs: () => number;
  /** What each caller may do in a time. */
  readonly rates?: CallerRates | undefined;
  /** What is connected to this node, and what it reads; undefined: no transport is. */
  readonly liveCallers?: LiveCallers | undefined;
  /** The same of all nodes; undefined: there is none. */
  readonly connections?: NodeConnections | undefined;
  readonly audit?: Audit | undefined;
  /** The team's own code; undefined: there is none. */
  readonly hooks?: OperationHooks | undefined;
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
  /** Where the caller needs the permission. */
  readonly scopeOf: (checked: Checked) => Scope;
  /** The user in whose name it is asked, or several; empty: no name. */
  readonly userOf?: (checked: Checked) => string | readonly string[];
  /** What the audit log says of an operation that administers. */
  readonly auditFacts?: (checked: Checked) => object;
  /** What it says besides of one that was done. */
  readonly auditOutcome?: (reply: Awaited<Reply>) => object;
  /** `form`: what the operation has to know of the reply's form, or of where it goes. */
  readonly run: (checked: Checked, caller: Caller, deps: OperationDeps, ...form: Form) => Reply;
}

/** The form of a reply that may be large. */
export interface LargeForm {
  /**
   * Resolves when there is room for the reply: asked once the request was found good, and before anything is read for it. Asked
   * once more with `isScan` if a log is to be looked through for it after all: what was read before is not kept meanwhile.
   */
  readonly begin: (isScan?: boolean) => Promise<void>;
}

/** The same, for what ends when its client has gone. */
export interface WantedForm extends LargeForm {
  /** Whether the client has gone; undefined: it is wanted until the end. */
  readonly isOver?: (() => boolean) | undefined;
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
  const { action, named, check, scopeOf, userOf, auditFacts, auditOutcome, run } = operation;
  const { clock } = deps.hub;
  return (asked, caller, ...form) => {
    const { principal } = caller;
    let checked: Checked;
    let scope: Scope | undefined;
    let facts: object | undefined;
    try {
      const refusal = principal.refusal(clock.nowMs());
      if (refusal) throw refusal;
      const { user } = principal;
      checked = check(named !== undefined && user !== undefined ? named(asked, user) : asked, deps);
      scope = scopeOf(checked);
      facts = auditFacts?.(checked);
      permit(principal, action, scope);
      const nameRefusal = userOf && refusalOfNames(principal, userOf(checked), scope);
      if (nameRefusal) throw nameRefusal;
    } catch (thrown) {
      throw charged(caller, audited(deps.audit, { caller, action, scope, facts }, thrown));
    }
    if (action !== "admin" || !deps.audit) return run(checked, caller, deps, ...form);
    const administration = new Administration(deps.audit, { caller, action, scope, facts });
    return administration.of(() => run(checked, caller, deps, ...form), auditOutcome);
  };
}

function permit(principal: Principal, action: Action, scope: Scope): void {
  if (!principal.may(action, scope)) throw denied(action, scope);
}

function refusalOfNames(
  principal: Principal,
  names: string | readonly string[],
  scope: Scope,
): ConfabError | undefined {
  if (typeof names === "string") return refusalOfName(principal, names, scope);
  for (const name of names) {
    const refusal = refusalOfName(principal, name, scope);
    if (refusal) return refusal;
  }
  return undefined;
}

export function denied(action: Action, scope: Scope): ConfabError {
  const where = scope === "some room" ? "any room" : scope === "all rooms" ? scope : `room ${scope}`;
  return new ConfabError("PERMISSION_DENIED", `${action} is not allowed in ${where}`);
}
