import { transportNames } from "../link.js";

/** What a value must be, in words, and whether it is. */
export type Check = readonly [expected: string, holds: (value: unknown) => boolean];

type Checks = Readonly<Record<string, Check | { readonly [name: string]: Check }>>;

const isFunction = (value: unknown) => typeof value === "function";
const isObject = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null;
const hasFunctions = (value: unknown, ...names: string[]) =>
  isObject(value) && names.every((name) => isFunction(value[name]));

function number(min: number, max = Number.POSITIVE_INFINITY): Check {
  const range = max === Number.POSITIVE_INFINITY ? `of at least ${min}` : `from ${min} to ${max}`;
  return [`a number ${range}`, (value) => typeof value === "number" && value >= min && value <= max];
}

function integer(min: number, max?: number): Check {
  const [expected, isInRange] = number(min, max);
  // Infinity stands for "without a bound", where there is none.
  const isWhole = (value: unknown) =>
    Number.isInteger(value) || (max === undefined && value === Number.POSITIVE_INFINITY);
  return [expected.replace("number", "whole number"), (value) => isInRange(value) && isWhole(value)];
}

function oneOf(...names: readonly string[]): Check {
  return [`one of ${names.join(", ")}`, (value) => names.includes(value as string)];
}

export const text: Check = ["a string", (value) => typeof value === "string"];
const flag: Check = ["true or false", (value) => typeof value === "boolean"];
export const list: Check = ["a list", Array.isArray];
export const callback: Check = ["a function", isFunction];
const milliseconds = number(1);
const signal: Check = [
  "an AbortSignal",
  (value) => hasFunctions(value, "addEventListener") && "aborted" in (value as object),
];
const texts: Check = [
  "a list of strings",
  (value) => Array.isArray(value) && value.every((each) => typeof each === "string"),
];
const filter = { users: texts, payloadTypes: texts } as const;
const payload: Check = [
  "an object with typeUrl, and value (a Uint8Array) or json",
  (value) =>
    isObject(value) &&
    typeof value["typeUrl"] === "string" &&
    (value["value"] instanceof Uint8Array || isObject(value["json"])),
];
/** The bound of the contract's pages (room.proto). */
const limit = integer(1, 1_000);

const transport = oneOf("auto", ...transportNames);

export const connectChecks: Checks = {
  transport,
  token: callback,
  tokenTimeoutMs: milliseconds,
  user: text,
  reconnect: {
    firstDelayMs: number(0),
    maxDelayMs: number(0),
    maxAttempts: integer(0),
    stableAfterMs: number(0),
  },
  signal,
  types: ["an object with toJson and fromJson", (value) => hasFunctions(value, "toJson", "fromJson")],
  maxQueuedSends: integer(1),
  maxQueuedBytes: integer(1),
  attemptTimeoutMs: milliseconds,
  dedupeWindowMs: milliseconds,
  idleCheckMs: milliseconds,
  random: callback,
  clock: ["an object with nowMs, unixMs and after", (value) => hasFunctions(value, "nowMs", "unixMs", "after")],
};

export const callChecks: Checks = { signal, timeoutMs: milliseconds };
export const sendChecks: Checks = { ...callChecks, id: text };
export const sendAllChecks: Checks = { ...callChecks, expected: text };
export const messageChecks: Checks = { text, payload, user: text };
export const batchedChecks: Checks = { ...messageChecks, id: text };
export const editChecks: Checks = { ...sendChecks, user: text };
export const reactChecks: Checks = { ...editChecks, removed: flag };
export const hearChecks: Checks = { user: text, signal };
export const readChecks: Checks = {
  ...hearChecks,
  after: text,
  history: integer(0, 1_000),
  changes: flag,
  filter,
  onGap: oneOf("fail", "oldest", "newest"),
  onSignal: callback,
  onPresence: callback,
};
export const prefixChecks: Checks = {
  ...hearChecks,
  after: ["a Map of positions by room", (value) => value instanceof Map],
  history: integer(0, 1_000),
  changes: flag,
  onGap: oneOf("fail", "oldest", "newest"),
  onSignal: callback,
};
export const historyChecks: Checks = {
  after: text,
  before: text,
  limit,
  oldestFirst: flag,
  changes: flag,
  filter,
  history: integer(0, 1_000),
};
export const viewChecks: Checks = { after: text, before: text, limit, oldestFirst: flag, filter };
export const membersChecks: Checks = { limit, page: text };
export const roomsChecks: Checks = { ...membersChecks, prefix: text, reader: text };
export const markChecks: Checks = { user: text };
export const readMarksChecks: Checks = { ...membersChecks, user: text };
export const signalChecks: Checks = { user: text, kind: text, position: text, payload };

/**
 * Check the types and ranges of options, which a plain JavaScript program may get wrong. What is undefined was left out;
 * unknown names are ignored. What names and texts may hold is the contract's to say, and the server's answer.
 *
 * @param what these options are, for the error: `connect`, `send`.
 * @throws TypeError: it names the option, what it must be, and what it is.
 */
export function check(what: string, options: unknown, checks: Checks): void {
  if (!isObject(options)) throw refused(what, "an object", options);
  for (const [name, each] of Object.entries(checks)) {
    const value = options[name];
    if (value === undefined) continue;
    if (Array.isArray(each)) checkValue(`${what}: ${name}`, value, each as unknown as Check);
    else check(`${what}: ${name}`, value, each as Checks);
  }
}

/** @throws TypeError: as `check`. */
export function checkValue(what: string, value: unknown, [expected, holds]: Check): void {
  if (!holds(value)) throw refused(what, expected, value);
}

function refused(what: string, expected: string, value: unknown): TypeError {
  // A token must not get into logs by an error.
  const isKept = isFunction(value) || what.endsWith("token");
  const shown = isKept ? `a ${typeof value}` : typeof value === "string" ? JSON.stringify(value) : String(value);
  return new TypeError(`${what} must be ${expected}, got ${shown}`);
}
