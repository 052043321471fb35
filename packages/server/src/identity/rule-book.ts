import { Permissions, type Principal, type Rule, unrestricted } from "../service/index.js";
import type { StaticRules } from "./static-rules.js";
import type { VerifiedToken } from "./token.js";

/** The operator's rules as they are now. Permissions that were made of older ones are made again. */
export class RuleBook {
  /** One more for each change. */
  version = 0;

  constructor(
    private rules: StaticRules,
    /** What callers without a token may do where the rules do not say. */
    private readonly anonymousDefault: readonly Rule[],
  ) {}

  replace(rules: StaticRules): void {
    this.rules = rules;
    this.version++;
  }

  permissionsOf({ user, rules }: Pick<VerifiedToken, "user" | "rules">): Permissions {
    const { everyone, tokens, users } = this.rules;
    return new Permissions([...(rules ?? tokens), ...everyone, ...(users.get(user) ?? [])], user);
  }

  /** A caller without a token, where it is admitted; `namePrefix`: what its names begin with. */
  anonymous(namePrefix: string | undefined): Principal {
    const made = () =>
      new Permissions([...(this.rules.anonymous ?? this.anonymousDefault), ...this.rules.everyone], undefined);
    let [version, permissions] = [this.version, made()];
    return {
      ...unrestricted,
      namePrefix,
      may: (action, scope) => {
        if (version !== this.version) [version, permissions] = [this.version, made()];
        return permissions.allow(action, scope);
      },
    };
  }
}
