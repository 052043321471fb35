import { isAbsolute, join } from "node:path";
import type { LimitName, Limits } from "@confab/contract";
import { UsageError } from "../command.js";
import { secretIn } from "./secret-file.js";
import { fileNameOf, limitOf, namesOf, type Setting } from "./setting.js";
import { allSettings, type SettingName, type SettingValue } from "./settings.js";
import type { Given, Source } from "./source.js";
import { ValueError } from "./values.js";

/** One setting's value, and where it comes from. */
export interface Resolved {
  readonly setting: Setting;
  /** As it was written; undefined: not set, and without a default. */
  readonly texts: readonly string[] | undefined;
  readonly value: unknown;
  /** `default` for what no source has. */
  readonly origin: string;
  /** How errors name it: by its source, and by its option where no source has it. */
  readonly label: string;
}

/** The settings of a server, out of all sources. */
export class Settings {
  constructor(readonly all: ReadonlyMap<string, Resolved>) {}

  get<Name extends SettingName>(name: Name): SettingValue<Name> {
    // `resolved` has parsed the value by this setting's own kind.
    return this.all.get(name)?.value as SettingValue<Name>;
  }

  isGiven(name: SettingName): boolean {
    return this.all.get(name)?.origin !== defaultOrigin;
  }

  labelOf(name: SettingName): string {
    return this.all.get(name)?.label ?? namesOf(name).flag;
  }

  /** The limits that some source has. */
  limits(): Partial<Limits> {
    const given: Partial<Record<LimitName, number>> = {};
    for (const [name, { value, origin }] of this.all) {
      const limit = limitOf(name);
      if (limit !== undefined && origin !== defaultOrigin) given[limit as LimitName] = value as number;
    }
    return given;
  }
}

export const defaultOrigin = "default";

/** The settings that differ, and of which a running server takes no other value. */
export function changesForRestart(old: Settings, next: Settings): readonly string[] {
  return [...next.all]
    .filter(([name, { setting, texts }]) => {
      const isSame = String(old.all.get(name)?.texts) === String(texts);
      return setting.reload === undefined && !isSame;
    })
    .map(([, { label }]) => label);
}

/**
 * The settings out of their sources, the strongest first. A list of one source replaces that of a weaker one.
 *
 * @throws UsageError: a value cannot be used, or a file with a secret cannot be read.
 */
export function resolveSettings(sources: readonly Source[]): Settings {
  return new Settings(new Map([...allSettings].map(([name, setting]) => [name, resolved(name, setting, sources)])));
}

function resolved(name: string, setting: Setting, sources: readonly Source[]): Resolved {
  for (const source of sources) {
    const given = setting.isSecret ? secretOf(name, setting, source) : source.get(name);
    if (!given) continue;
    const { label, origin } = given;
    const texts = textsOf(given, setting);
    return { setting, texts, value: parsed(texts, setting, given), origin, label };
  }
  const { fallback, kind, isList } = setting;
  const label = namesOf(name).flag;
  if (fallback === undefined)
    return { setting, texts: undefined, value: isList ? [] : undefined, origin: defaultOrigin, label };
  return { setting, texts: [fallback], value: kind.parse(fallback), origin: defaultOrigin, label };
}

/** A secret, given itself or by a file that holds it. */
function secretOf(name: string, { kind }: Setting, source: Source): Given | undefined {
  const given = source.get(name);
  const file = source.get(fileNameOf(name));
  if (given && file) throw new UsageError(`${given.label} and ${file.label} are both set; unset one of them`);
  if (!file) return given;
  const [path = ""] = file.texts ?? [];
  if (path === "") throw emptyError(file, "the path of a file");
  return { ...file, texts: [secretIn(inFolder(path, file), file.label, kind.form)] };
}

function textsOf(given: Given, { kind }: Setting): readonly string[] {
  if (given.texts === undefined) throw emptyError(given, kind.form);
  return kind.isPath ? given.texts.map((text) => inFolder(text, given)) : given.texts;
}

function parsed(texts: readonly string[], { kind, isList, isSecret }: Setting, { label, joint }: Given): unknown {
  const values = texts.map((text) => {
    try {
      return kind.parse(text);
    } catch (error) {
      if (!(error instanceof ValueError)) throw error;
      throw new UsageError(`${label}${isSecret ? "" : `${joint}${text}`}: ${error.message}`, { cause: error });
    }
  });
  return isList ? values : values[0];
}

function emptyError({ label, whenEmpty = "remove it" }: Given, form: string): UsageError {
  return new UsageError(`${label} is empty; set it to ${form}, or ${whenEmpty}`);
}

/** A path of the file is relative to the file's folder, so that a command may be started anywhere. */
function inFolder(path: string, { folder }: Given): string {
  return folder === undefined || path === "" || isAbsolute(path) ? path : join(folder, path);
}
