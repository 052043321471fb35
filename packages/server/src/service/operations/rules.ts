import type { RoomId } from "../../core/index.js";
import { type Action, actions, type Scope } from "./principal.js";

/** What may be done in some rooms. */
export interface Rule {
  /**
   * A room's name, or the beginning of names and a `*` behind it. `{user}` stands for the verified user; a rule with it
   * matches nothing for a caller without one.
   */
  readonly pattern: string;
  readonly can: readonly Action[];
  /** What may not be done there, whatever other rules say. */
  readonly cannot: readonly Action[];
}

/** A rule that cannot be used; the message names its place. */
export class RuleError extends Error {
  override readonly name = "RuleError";
}

/** Every caller's rules are asked on each operation, so there is a bound. */
const maxRules = 200;

const userPlace = "{user}";

/**
 * Rules from a token's claim or a file. `where` names the list in errors: `confab.rooms`.
 *
 * @throws RuleError: not a list of rules.
 */
export function rulesFrom(value: unknown, where: string): readonly Rule[] {
  if (!Array.isArray(value)) throw new RuleError(`${where} must be a list`);
  if (value.length > maxRules) throw new RuleError(`${where} has ${value.length} rules; at most ${maxRules} are taken`);
  return value.map((each: unknown, index) => ruleFrom(each, `${where}[${index}]`));
}

function ruleFrom(value: unknown, where: string): Rule {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new RuleError(`${where} must be an object with "pattern" and "can"`);
  const { pattern, can = [], cannot = [], ...others } = value as Readonly<Record<string, unknown>>;
  const [unknown] = Object.keys(others);
  if (unknown !== undefined)
    throw new RuleError(`${where} has ${JSON.stringify(unknown)}; a rule has "pattern", "can" and "cannot"`);
  return {
    pattern: patternFrom(pattern, `${where}.pattern`),
    can: actionsFrom(can, `${where}.can`),
    cannot: actionsFrom(cannot, `${where}.cannot`),
  };
}

/** Names of rooms are ASCII (`ChatMessage.room`), so there is nothing to normalise, and case counts. */
const patternShape = /^(?:[A-Za-z0-9._-]|\{user\})*\*?$/;

function patternFrom(value: unknown, where: string): string {
  if (typeof value !== "string" || value === "" || value.length > 200 || !patternShape.test(value)) {
    const shown = JSON.stringify(value)?.slice(0, 100) ?? "missing";
    throw new RuleError(`${where} must be a room's name, or the beginning of one and then *; got ${shown}`);
  }
  return value;
}

function actionsFrom(value: unknown, where: string): readonly Action[] {
  if (!Array.isArray(value)) throw new RuleError(`${where} must be a list of actions`);
  for (const each of value as readonly unknown[]) {
    if (actions.includes(each as Action)) continue;
    throw new RuleError(`${where} has ${JSON.stringify(each)?.slice(0, 40)}; there are ${actions.join(", ")}`);
  }
  return value as readonly Action[];
}

/** One rule for one user: what a room's name must be or begin with, and a bit for each action. */
interface Compiled {
  readonly name: string;
  readonly isPrefix: boolean;
  readonly can: number;
  readonly cannot: number;
}

/** The rules of one caller. Deny wins. */
export class Permissions {
  private readonly compiled: readonly Compiled[];
  /** What is allowed in one room at the least, and what in all of them. */
  private readonly inSome: number;
  private readonly inAll: number;
  private lastRoom: RoomId | undefined;
  private lastAllowed = 0;

  constructor(rules: readonly Rule[], user: string | undefined) {
    this.compiled = rules.flatMap((rule) => compiledRule(rule, user));
    this.inSome = this.compiled.reduce((bits, rule) => bits | (rule.can & ~this.deniedInAllOf(rule)), 0);
    const aboutAll = this.compiled.filter(({ name, isPrefix }) => isPrefix && name === "");
    this.inAll = bitsIn(aboutAll, "can") & ~bitsIn(this.compiled, "cannot");
  }

  allow(action: Action, scope: Scope): boolean {
    const bit = bitOf[action];
    if (scope === "some room") return (this.inSome & bit) !== 0;
    if (scope === "all rooms") return (this.inAll & bit) !== 0;
    // Most callers ask for one room again and again.
    if (scope !== this.lastRoom) {
      this.lastAllowed = this.allowedIn(scope);
      this.lastRoom = scope;
    }
    return (this.lastAllowed & bit) !== 0;
  }

  /** What other rules, or the rule itself, forbid in each room that the rule is about. */
  private deniedInAllOf(rule: Compiled): number {
    const covers = ({ name, isPrefix }: Compiled) =>
      isPrefix ? rule.name.startsWith(name) : !rule.isPrefix && rule.name === name;
    return this.compiled.reduce((bits, other) => (covers(other) ? bits | other.cannot : bits), 0);
  }

  private allowedIn(room: RoomId): number {
    let allowed = 0;
    let denied = 0;
    for (const { name, isPrefix, can, cannot } of this.compiled) {
      if (isPrefix ? !room.startsWith(name) : room !== name) continue;
      allowed |= can;
      denied |= cannot;
    }
    return allowed & ~denied;
  }
}

const bitOf = Object.fromEntries(actions.map((action, index) => [action, 1 << index])) as Readonly<
  Record<Action, number>
>;

function bitsIn(rules: readonly Compiled[], kind: "can" | "cannot"): number {
  return rules.reduce((bits, rule) => bits | rule[kind], 0);
}

function compiledRule({ pattern, can, cannot }: Rule, user: string | undefined): readonly Compiled[] {
  if (user === undefined && pattern.includes(userPlace)) return [];
  // The star is the pattern's own: one in a user's name is a character like any other, which no room's name has.
  const isPrefix = pattern.endsWith("*");
  const template = isPrefix ? pattern.slice(0, -1) : pattern;
  const name = template.split(userPlace).join(user);
  return [{ name, isPrefix, can: bitsOf(can), cannot: bitsOf(cannot) }];
}

function bitsOf(list: readonly Action[]): number {
  return list.reduce((bits, action) => bits | bitOf[action], 0);
}
