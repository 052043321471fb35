import { type Limit, type LimitName, limits } from "@confab/contract";
import { type Kind, wholeNumber } from "./kinds.js";

/** One setting of the server: what it is, wherever it is given. */
export interface Setting {
  readonly kind: Kind<unknown>;
  /** Given several times, each time with one value. */
  readonly isList?: true;
  /** The default, as a user would write it. */
  readonly fallback?: string;
  /** What it does, in plain text. */
  readonly help: string;
  /** Its value is not shown, and may be in a separate file: see `fileNameOf`. */
  readonly isSecret?: true;
  /** What SIGHUP does with it; undefined: it needs a restart. */
  readonly reload?: string;
}

/** Where a setting is given. `name` is `port`, or `limits.maxRooms`. */
export interface Names {
  readonly flag: string;
  readonly variable: string;
  /** In the file; `limits.maxRooms` is `maxRooms` below `limits`. */
  readonly key: string;
}

const limitPrefix = "limits.";

/** The names of a setting, all made from one. */
export function namesOf(name: string): Names {
  const limit = limitOf(name);
  if (limit === undefined) return { flag: `--${name}`, variable: `CONFAB_${upperCased(name)}`, key: name };
  return { flag: `--limit ${limit}`, variable: `CONFAB_LIMIT_${upperCased(limit)}`, key: name };
}

/** The name of the file that holds a secret. */
export function fileNameOf(name: string): string {
  return `${name}-file`;
}

/** The name of a limit as a setting. */
export function limitSetting(limit: string): string {
  return limitPrefix + limit;
}

/** The limit that a setting is; undefined: another setting. */
export function limitOf(name: string): string | undefined {
  return name.startsWith(limitPrefix) ? name.slice(limitPrefix.length) : undefined;
}

/** Each limit, as a setting. */
export const limitSettings: ReadonlyMap<string, Setting> = new Map(
  Object.entries<Limit>(limits).map(([name, { fallback, min, max, meaning, isReloadable }]) => [
    limitSetting(name),
    {
      kind: wholeNumber(min, max),
      fallback: String(fallback),
      help: meaning,
      ...(isReloadable && { reload: "it counts from then on" }),
    },
  ]),
);

export function isLimitName(name: string): name is LimitName {
  return Object.hasOwn(limits, name);
}

/** `auth-key` and `authKey` as `AUTH_KEY`. */
function upperCased(name: string): string {
  return name.replaceAll(/[A-Z]/g, "_$&").replaceAll("-", "_").toUpperCase();
}
