import { bytesForm, bytesFrom, durationForm, durationMsFrom, type Limits } from "@confab/contract";
import type { Retention, RoomId, RoomRetention } from "../core/index.js";
import { defaultPolicy, maxHistoryPage, type RoomCreators, type RoomPolicies } from "../service/index.js";
import { ConfigError } from "./config-error.js";
import { FirstMatch } from "./first-match.js";

/** A bound of a room. `none` lifts the one that holds for all rooms. */
export type RuleBound = number | "none";

/** What holds in some rooms. What is left out is as for all rooms. */
export interface RoomRule {
  /** A room's name, or the beginning of names and a `*` behind it; `*` alone is all rooms. */
  readonly pattern: string;
  readonly retention?: {
    readonly maxMessages?: RuleBound;
    /** Of the stored messages. */
    readonly maxBytes?: RuleBound;
    /** A room whose messages are all older goes away when it is not read: see the limit emptyRoomMs. */
    readonly maxAgeMs?: RuleBound;
  };
  /** Whether members are listed and readers told who comes and goes. */
  readonly presence?: boolean;
  /** Whether there are pages of history, or how many messages one has at the most. */
  readonly history?: boolean | number;
  /** One message, as it is stored; no more than the limit of the same name. */
  readonly maxMessageBytes?: number;
  /** Who may send the first message of such a room, if its permissions let it: all, callers with a token, or none. */
  readonly create?: RoomCreators;
}

/** Rules are asked with each message, so there is a bound. */
const maxRules = 200;

/** A message needs this much for its user, room, id and time alone. */
const minMessageBytes = 256;

/**
 * Rules from a configuration: a list of objects as `RoomRule` has them. Times and sizes may be numbers (milliseconds, bytes) or
 * texts with a unit, and `retention.maxAge` is another name of `maxAgeMs`: `maxAge: 7d`, `maxBytes: 500MB`.
 *
 * @throws ConfigError: it is not a list of rules; the message names the rule by its index, and the field.
 */
export function roomRulesFrom(value: unknown): readonly RoomRule[] {
  if (!Array.isArray(value)) throw new ConfigError(`rooms must be a list of rules, got ${shown(value)}`);
  if (value.length > maxRules) throw new ConfigError(`rooms has ${value.length} rules; at most ${maxRules} are taken`);
  const rules = value.map((each: unknown, index) => ruleFrom(each, `rooms[${index}]`));
  for (const [index, { pattern }] of rules.entries()) {
    const before = rules.slice(0, index).findIndex((rule) => covers(rule.pattern, pattern));
    if (before < 0) continue;
    const first = JSON.stringify(rules[before]?.pattern);
    const text = `is never reached: rooms[${before}] has ${first}, and the first rule that matches counts`;
    throw new ConfigError(`rooms[${index}].pattern ${JSON.stringify(pattern)} ${text}`);
  }
  return rules;
}

/** The rules of a server's configuration. @throws ConfigError */
export function checkedRooms(rooms: unknown, { maxMessageBytes }: Limits): readonly RoomRule[] {
  const rules = roomRulesFrom(rooms ?? []);
  for (const [index, rule] of rules.entries()) {
    if ((rule.maxMessageBytes ?? 0) <= maxMessageBytes) continue;
    const text = `must not be larger than the limit maxMessageBytes, which is ${maxMessageBytes}`;
    throw new ConfigError(`rooms[${index}].maxMessageBytes is ${rule.maxMessageBytes}; it ${text}`);
  }
  return rules;
}

/** What is kept of each room: by the first rule that matches it, and by `all` what that leaves out. */
export function retentionBy(rules: readonly RoomRule[], all: Retention): RoomRetention {
  const match = new FirstMatch(
    rules.map(({ pattern, retention = {} }) => ({
      pattern,
      value: {
        maxMessages: boundFrom(retention.maxMessages, all.maxMessages),
        maxBytes: boundFrom(retention.maxBytes, all.maxBytes),
        maxAgeMs: boundFrom(retention.maxAgeMs, all.maxAgeMs),
      },
    })),
    all,
  );
  return { of: (room) => match.of(room), hasAges: match.values.some(({ maxAgeMs }) => maxAgeMs !== undefined) };
}

/** What each room has and allows. */
export function policiesBy(rules: readonly RoomRule[], limits: Limits): RoomPolicies {
  const all = defaultPolicy(limits);
  const match = new FirstMatch(
    rules.map(({ pattern, presence, history, maxMessageBytes, create }) => ({
      pattern,
      value: {
        hasPresence: presence ?? all.hasPresence,
        maxHistory: typeof history === "number" ? history : history === false ? 0 : all.maxHistory,
        maxMessageBytes: maxMessageBytes ?? all.maxMessageBytes,
        creators: create ?? all.creators,
      },
    })),
    all,
  );
  return { of: (room: RoomId) => match.of(room) };
}

function boundFrom(bound: RuleBound | undefined, all: number | undefined): number | undefined {
  return bound === "none" ? undefined : (bound ?? all);
}

type Fields = Readonly<Record<string, unknown>>;

const ruleFields = ["pattern", "retention", "presence", "history", "maxMessageBytes", "create"];
const retentionFields = ["maxMessages", "maxBytes", "maxAge", "maxAgeMs"];

function ruleFrom(value: unknown, where: string): RoomRule {
  const fields = fieldsOf(value, where, ruleFields);
  const { retention, presence, history, maxMessageBytes, create } = fields;
  return {
    pattern: patternFrom(fields.pattern, `${where}.pattern`),
    ...(retention !== undefined && { retention: retentionFrom(retention, `${where}.retention`) }),
    ...(presence !== undefined && { presence: booleanFrom(presence, `${where}.presence`) }),
    ...(history !== undefined && { history: historyFrom(history, `${where}.history`) }),
    ...(maxMessageBytes !== undefined && {
      maxMessageBytes: quantityFrom(maxMessageBytes, `${where}.maxMessageBytes`, bytes(minMessageBytes)),
    }),
    ...(create !== undefined && { create: creatorsFrom(create, `${where}.create`) }),
  };
}

function retentionFrom(value: unknown, where: string): NonNullable<RoomRule["retention"]> {
  const fields = fieldsOf(value, where, retentionFields);
  const { maxMessages, maxBytes, maxAge, maxAgeMs } = fields;
  if (maxAge !== undefined && maxAgeMs !== undefined)
    throw new ConfigError(`${where} has maxAge and maxAgeMs, which are two names of one bound; leave one out`);
  const ageName = maxAge === undefined ? "maxAgeMs" : "maxAge";
  const age = maxAge ?? maxAgeMs;
  return {
    ...(maxMessages !== undefined && { maxMessages: boundIn(maxMessages, `${where}.maxMessages`, count) }),
    ...(maxBytes !== undefined && { maxBytes: boundIn(maxBytes, `${where}.maxBytes`, bytes(1)) }),
    ...(age !== undefined && { maxAgeMs: boundIn(age, `${where}.${ageName}`, duration) }),
  };
}

/** An object with some of these fields and no others. Undefined stands for a field that is left out, as in TypeScript. */
function fieldsOf(value: unknown, where: string, names: readonly string[]): Fields {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new ConfigError(`${where} must be an object with ${names.join(", ")}; got ${shown(value)}`);
  const unknown = Object.keys(value).find((name) => !names.includes(name));
  if (unknown !== undefined)
    throw new ConfigError(`${where} has ${JSON.stringify(unknown)}; there are ${names.join(", ")}`);
  return value as Fields;
}

/** Names of rooms are ASCII and begin with a letter or digit (`ChatMessage.room`). Case counts. */
const patternShape = /^(?:[A-Za-z0-9][A-Za-z0-9._-]{0,99}\*?|\*)$/;

function patternFrom(value: unknown, where: string): string {
  if (typeof value === "string" && value.includes("{user}"))
    throw new ConfigError(`${where} has {user}, which only rules of callers have; got ${shown(value)}`);
  if (typeof value === "string" && patternShape.test(value)) return value;
  throw new ConfigError(`${where} must be a room's name, or the beginning of one and then *; got ${shown(value)}`);
}

function booleanFrom(value: unknown, where: string): boolean {
  if (typeof value === "boolean") return value;
  throw new ConfigError(`${where} must be true or false; got ${shown(value)}`);
}

function historyFrom(value: unknown, where: string): boolean | number {
  if (typeof value === "boolean") return value;
  if (typeof value === "number" && Number.isInteger(value) && value >= 1 && value <= maxHistoryPage) return value;
  throw new ConfigError(
    `${where} must be true, false or a whole number from 1 to ${maxHistoryPage}; got ${shown(value)}`,
  );
}

const creators: readonly RoomCreators[] = ["anyone", "tokens", "none"];

function creatorsFrom(value: unknown, where: string): RoomCreators {
  const found = creators.find((each) => each === value);
  if (found !== undefined) return found;
  throw new ConfigError(`${where} must be ${creators.join(", ")}; got ${shown(value)}`);
}

interface Quantity {
  readonly min: number;
  /** The number of a text with a unit. */
  readonly parse: (text: string) => number | undefined;
  /** What it takes, for errors. */
  readonly form: string;
}

const count: Quantity = { min: 1, parse: () => undefined, form: "a whole number" };
const duration: Quantity = { min: 1, parse: durationMsFrom, form: `${durationForm}, or milliseconds` };
const bytes = (min: number): Quantity => ({ min, parse: bytesFrom, form: bytesForm });

function boundIn(value: unknown, where: string, quantity: Quantity): RuleBound {
  return value === "none" ? "none" : quantityFrom(value, where, quantity, ', or "none"');
}

function quantityFrom(value: unknown, where: string, { min, parse, form }: Quantity, orElse = ""): number {
  const number = typeof value === "string" ? parse(value) : value;
  if (typeof number === "number" && Number.isSafeInteger(number) && number >= min) return number;
  const atLeast = min > 1 ? `, ${min} or more` : "";
  throw new ConfigError(`${where} must be ${form}${atLeast}${orElse}; got ${shown(value)}`);
}

/** Whether all rooms of `other` match `pattern`. */
function covers(pattern: string, other: string): boolean {
  return pattern.endsWith("*") ? other.startsWith(pattern.slice(0, -1)) : other === pattern;
}

function shown(value: unknown): string {
  return value === undefined ? "nothing" : (JSON.stringify(value)?.slice(0, 100) ?? String(value));
}
