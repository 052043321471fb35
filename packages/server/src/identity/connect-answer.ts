import { isUserName } from "@confab/contract/user-name";
import { fieldsOf, HookFault, type Refusal, type Rule, refusalOf, rulesFrom } from "../service/index.js";
import { maxUserLength } from "./token.js";

/** Who a caller is, as a `connect` hook says. */
export interface HookIdentity {
  readonly user: string;
  /** Undefined: what a token without the claim may do. */
  readonly rules: readonly Rule[] | undefined;
  /** In milliseconds since 1970; infinite: with the connection. */
  readonly expiresAtMs: number;
}

/** A caller, a refusal, or undefined: go on as without the hook. @throws HookFault, RuleError: it is something else. */
export function connectAnswerIn(
  answer: unknown,
  reservedPrefix: string | undefined,
): HookIdentity | Refusal | undefined {
  const fields = fieldsOf(answer, ["refuse", "user", "rooms", "expiresAtMs"]);
  if (!fields) return undefined;
  const refusal = refusalOf(fields);
  if (refusal) return refusal;
  const { user, rooms, expiresAtMs = Number.POSITIVE_INFINITY } = fields;
  if (user === undefined) {
    // Rules without a user would seem to hold, and do not.
    if (rooms !== undefined || fields["expiresAtMs"] !== undefined) throw new HookFault("the answer has no user");
    return undefined;
  }
  if (typeof user !== "string" || [...user].length > maxUserLength || !isUserName(user))
    throw new HookFault(`user in the answer must be a name of 1 to ${maxUserLength} characters, one of them visible`);
  if (reservedPrefix !== undefined && user.startsWith(reservedPrefix))
    throw new HookFault(`user in the answer begins with ${reservedPrefix}, as names of callers without a token do`);
  if (typeof expiresAtMs !== "number" || Number.isNaN(expiresAtMs))
    throw new HookFault("expiresAtMs in the answer must be a number: milliseconds since 1970");
  return { user, expiresAtMs, rules: rooms === undefined ? undefined : rulesFrom(rooms, "rooms") };
}
