import { type Rule, RuleError, rulesFrom } from "../service/index.js";
import { ordinaryRules } from "./default-rules.js";

/** Rules of the operator, by the callers that they are for. Each list holds for callers beside the others that fit. */
export interface StaticRules {
  /** All callers, whatever their token says. */
  readonly everyone: readonly Rule[];
  /** Tokens that have no rules themselves. */
  readonly tokens: readonly Rule[];
  /** Callers without a token, where they are admitted. Undefined: the server's defaults. */
  readonly anonymous: readonly Rule[] | undefined;
  /** By user. */
  readonly users: ReadonlyMap<string, readonly Rule[]>;
}

export const noStaticRules: StaticRules = {
  everyone: [],
  tokens: ordinaryRules,
  anonymous: undefined,
  users: new Map(),
};

const lists = ["everyone", "tokens", "anonymous", "users"] as const;

/**
 * Rules from a file's value: an object with some of `everyone`, `tokens`, `anonymous`, each a list of rules, and `users`, an
 * object with such a list for each user.
 *
 * @throws RuleError: it says what is wrong, and where.
 */
export function staticRulesFrom(value: unknown): StaticRules {
  const { everyone, tokens, anonymous, users } = objectFrom(value, "the rules", lists);
  return {
    everyone: everyone === undefined ? [] : rulesFrom(everyone, "everyone"),
    tokens: tokens === undefined ? ordinaryRules : rulesFrom(tokens, "tokens"),
    anonymous: anonymous === undefined ? undefined : rulesFrom(anonymous, "anonymous"),
    users: new Map(
      Object.entries(users === undefined ? {} : objectFrom(users, "users")).map(([user, rules]) => [
        user,
        rulesFrom(rules, `users.${user}`),
      ]),
    ),
  };
}

function objectFrom(value: unknown, where: string, names?: readonly string[]): Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new RuleError(`${where} must be an object`);
  const unknown = names && Object.keys(value).find((name) => !names.includes(name));
  if (unknown !== undefined)
    throw new RuleError(`${where} have ${JSON.stringify(unknown)}; there are ${names?.join(", ")}`);
  return value as Readonly<Record<string, unknown>>;
}
