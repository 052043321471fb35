import { UsageError } from "../command.js";
import { fileNameOf, namesOf, type Setting } from "./setting.js";
import { allSettings } from "./settings.js";
import type { Given, Source } from "./source.js";
import { nearest, suggestion } from "./suggestion.js";

export type Environment = Readonly<Record<string, string | undefined>>;

/** The variable that names the file with the settings. */
export const configVariable = "CONFAB_CONFIG";

/** Of the commands that talk to a server. */
const otherVariables = [configVariable, "CONFAB_URL", "CONFAB_TOKEN"];

/** Variable → setting. */
const variables: ReadonlyMap<string, readonly [name: string, setting: Setting]> = new Map(
  [...allSettings].flatMap(([name, setting]) => [
    [namesOf(name).variable, [name, setting]] as const,
    ...(setting.isSecret ? [[namesOf(fileNameOf(name)).variable, [fileNameOf(name), setting]] as const] : []),
  ]),
);

/** What the environment says. */
export function environmentSource(env: Environment): Source {
  const source = new Map<string, Given>();
  for (const [variable, [name, setting]] of variables) {
    const text = env[variable];
    if (text === undefined || isServiceLink(text)) continue;
    const texts = setting.isList ? text.split(",").map((each) => each.trim()) : [text];
    source.set(name, {
      // A variable that a deployment left empty must not start a server with another setting than was meant.
      texts: text === "" ? undefined : texts,
      label: variable,
      joint: "=",
      origin: variable,
      whenEmpty: "unset it",
    });
  }
  return source;
}

/** Beginnings of variables that decide who may connect: a mistyped one would let all callers in. */
const guardedPrefixes = ["CONFAB_AUTH", "CONFAB_TLS", "CONFAB_RULES"];

/**
 * @throws UsageError: a variable that is not a setting looks as if it should say who may connect, or names the file of a
 * setting that is given by itself.
 */
export function checkGuarded(env: Environment): void {
  for (const name of Object.keys(env)) {
    if (!name.startsWith(prefix) || variables.has(name) || otherVariables.includes(name)) continue;
    const whole = name.replace(/_FILE$/, "");
    if (whole !== name && variables.has(whole))
      throw new UsageError(`${name} is not a setting: give ${whole} itself, which needs no file`);
    if (guardedPrefixes.some((each) => name.startsWith(each)) && !isOfService(name))
      throw new UsageError(`${name} is not a setting${suggestion(name, [...variables.keys()])}; unset it`);
  }
}

/** Variables that look like a mistyped one of ours. Other programs may use names that begin with CONFAB_, so this is not an error. */
export function mistypedVariables(env: Environment): readonly { readonly name: string; readonly meant: string }[] {
  const known = [...variables.keys(), ...otherVariables];
  return Object.keys(env)
    .filter((name) => name.startsWith(prefix) && !known.includes(name))
    .flatMap((name) => {
      // Without the prefix, which all names have: it would make short names look alike.
      const meant = nearest(
        name.slice(prefix.length),
        known.map((each) => each.slice(prefix.length)),
      );
      return meant === undefined ? [] : [{ name, meant: prefix + meant }];
    });
}

const prefix = "CONFAB_";

/** Kubernetes makes variables of this form of a service that is called `confab-auth`, say. */
function isOfService(name: string): boolean {
  return /_(?:SERVICE_HOST|SERVICE_PORT|PORT)(?:_|$)/.test(name);
}

/**
 * Kubernetes gives every pod variables for every service: with a service that is called `confab`, as in deploy/kubernetes,
 * `CONFAB_PORT` is `tcp://10.0.0.1:8080`, which must be ignored.
 */
function isServiceLink(text: string): boolean {
  return /^(?:tcp|udp|sctp):\/\/[^/]*:[0-9]+$/.test(text);
}
