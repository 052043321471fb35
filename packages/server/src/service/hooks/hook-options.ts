import { type CallerKind, callerKinds } from "../operations/index.js";
import type { HookSettings } from "./hook-caller.js";
import type { Hook, HookFunction, HookName, HookOptions, Hooks, StoredEvent, StoredHookOptions } from "./hooks.js";

/** A hook that cannot be used; the message names it. */
export class HookError extends Error {
  override readonly name = "HookError";
}

const defaults = { timeoutMs: 2_000, maxConcurrent: 64, onFailure: "closed" } as const;

const maxTimeoutMs = 60_000;
const maxConcurrentCalls = 100_000;

const hookNames: readonly string[] = [
  "connect",
  "disconnect",
  "subscribe",
  "send",
  "signal",
  "occupied",
  "vacated",
  "stored",
] satisfies HookName[];

/** No caller causes them, or it is not known yet. */
const withoutCaller: readonly HookName[] = ["connect", "occupied", "vacated", "stored"];

/** Whether it is known whose events a hook is called for. */
export function hasCaller(name: HookName): boolean {
  return !withoutCaller.includes(name);
}

const options: readonly string[] = ["run", "timeoutMs", "maxConcurrent", "onFailure", "skip"];

/** @throws HookError: one of them cannot be used. */
export function checkHooks(hooks: Hooks): void {
  for (const [name, hook] of Object.entries(hooks)) {
    if (!isHookName(name)) throw new HookError(`there is no hook "${name}"; there are ${hookNames.join(", ")}`);
    if (hook === undefined) continue;
    if (name === "stored") checkedStoredOptions(hook);
    else checkedOptions(name, hook);
  }
}

export function isHookName(name: string): name is HookName {
  return hookNames.includes(name);
}

/** What is set for a hook, with the defaults. @throws HookError: it cannot be used. */
export function checkedOptions<Event>(
  name: HookName,
  hook: Hook<Event, unknown>,
): HookSettings & { readonly run: HookFunction<Event, unknown> } {
  if (typeof hook !== "function" && (typeof hook !== "object" || hook === null))
    throw wrong(name, `it must be a function, or an object with run; it is a ${typeof hook}`);
  const given: HookOptions<Event, unknown> = typeof hook === "function" ? { run: hook } : hook;
  const unknown = Object.keys(given).find((option) => !options.includes(option));
  if (unknown !== undefined) throw wrong(name, `there is no option "${unknown}"; there are ${options.join(", ")}`);
  if (typeof given.run !== "function") throw wrong(name, "run must be a function");
  checkSkip(name, given.skip);
  const { onFailure = defaults.onFailure } = given;
  if (onFailure !== "open" && onFailure !== "closed")
    throw wrong(name, `onFailure is ${JSON.stringify(onFailure)}; it must be "open" or "closed"`);
  return {
    run: given.run,
    timeoutMs: within(name, "timeoutMs", given.timeoutMs ?? defaults.timeoutMs, maxTimeoutMs),
    maxConcurrent: within(name, "maxConcurrent", given.maxConcurrent ?? defaults.maxConcurrent, maxConcurrentCalls),
    onFailure,
  };
}

/** As `checkedOptions`, for the hook that is given what is stored. @throws HookError */
export function checkedStoredOptions(hook: HookFunction<StoredEvent, never> | StoredHookOptions) {
  const { name = "default", ...given } = typeof hook === "function" ? { run: hook } : hook;
  if (!/^[a-z0-9-]{1,50}$/.test(name))
    throw wrong("stored", `name is ${JSON.stringify(name)}; it must be 1 to 50 lower case letters, digits and -`);
  if ("onFailure" in given) throw wrong("stored", "it has no onFailure: what it does not take is given to it again");
  return { ...checkedOptions("stored", { maxConcurrent: defaultRooms, ...given }), name };
}

/** Rooms of which something is delivered at a time. */
const defaultRooms = 8;

/** Whether a hook is not called for callers of a kind. */
export function skipperOf(hook: Hook<never, unknown>): (kind: CallerKind) => boolean {
  const skip = typeof hook === "function" ? undefined : hook.skip;
  return skip === undefined || skip.length === 0 ? skipsNone : (kind) => skip.includes(kind);
}

function skipsNone(): boolean {
  return false;
}

function checkSkip(name: HookName, skip: readonly CallerKind[] | undefined): void {
  if (skip === undefined) return;
  if (!hasCaller(name)) throw wrong(name, "it has no caller yet, so it cannot skip any");
  const stranger = skip.find((kind) => !callerKinds.includes(kind));
  if (stranger !== undefined)
    throw wrong(name, `skip has ${JSON.stringify(stranger)}; there are ${callerKinds.join(", ")}`);
}

function within(name: HookName, option: string, value: number, max: number): number {
  if (Number.isInteger(value) && value >= 1 && value <= max) return value;
  throw wrong(name, `${option} is ${value}; it must be a whole number from 1 to ${max}`);
}

function wrong(name: HookName, what: string): HookError {
  return new HookError(`the hook "${name}": ${what}`);
}
