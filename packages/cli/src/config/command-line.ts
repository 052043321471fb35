import { limits } from "@confab/contract";
import { UsageError } from "../command.js";
import { type OptionsConfig, parseCommandLine, positionals } from "../parse-args.js";
import { fileNameOf, isLimitName, limitSetting, type Setting } from "./setting.js";
import { settings } from "./settings.js";
import type { Given, Source } from "./source.js";
import { suggestion } from "./suggestion.js";

/** What the command line of `confab serve` says. */
export interface CommandLine {
  readonly source: Source;
  readonly configFile: string | undefined;
  /** Only say what the settings are. */
  readonly printsConfig: boolean;
}

/** @throws UsageError */
export function commandLineFrom(args: string[]): CommandLine {
  const { values, positionals: words } = parseCommandLine(args, options, { allowNegative: true });
  positionals(words, []);
  const { config, "print-config": printsConfig, json, limit, ...others } = values as Values;
  const source = new Map<string, Given>();
  if (json !== undefined) source.set("log-format", flag("--json", [json ? "json" : "text"]));
  for (const [name, value] of Object.entries(others)) {
    if (value === undefined) continue;
    const shown = value === false ? `--no-${name}` : `--${name}`;
    source.set(name, flag(shown, Array.isArray(value) ? value : [String(value)]));
  }
  for (const each of limit ?? []) source.set(...limitFrom(each));
  return { source, configFile: config, printsConfig: printsConfig ?? false };
}

/** Options that are not settings, or are short for one. */
const ownOptions = {
  config: { type: "string" },
  "print-config": { type: "boolean" },
  limit: { type: "string", multiple: true },
  json: { type: "boolean" },
  help: { type: "boolean", short: "h" },
} as const;

const options: OptionsConfig = {
  ...Object.fromEntries(Object.entries<Setting>(settings).flatMap(optionsOf)),
  ...ownOptions,
};

function optionsOf([name, { kind, isList, isSecret }]: [string, Setting]): [string, OptionsConfig[string]][] {
  const type = kind.placeholder === "" ? "boolean" : "string";
  return [
    [name, { type, multiple: isList === true }],
    ...(isSecret ? [[fileNameOf(name), { type: "string" }] as [string, OptionsConfig[string]]] : []),
  ];
}

/** What `parseArgs` makes of `options`; its own types cannot follow a table. */
type Values = Readonly<Record<string, string | string[] | boolean | undefined>> & {
  readonly config?: string;
  readonly "print-config"?: boolean;
  readonly json?: boolean;
  readonly limit?: string[];
};

function flag(label: string, texts: readonly string[]): Given {
  return { texts, label, joint: " ", origin: label };
}

function limitFrom(text: string): [string, Given] {
  const [, name = text, value] = /^([^=]+)=(.*)$/.exec(text) ?? [];
  if (isLimitName(name) && value === undefined)
    throw new UsageError(`--limit ${name}: its value is missing; use --limit ${name}=N`);
  if (!isLimitName(name) || value === undefined) {
    const names = Object.keys(limits);
    throw new UsageError(
      `--limit ${text}: must be NAME=N${suggestion(name, names) || `, where NAME is one of ${names.join(", ")}`}`,
    );
  }
  const label = `--limit ${name}`;
  return [limitSetting(name), { texts: [value], label, joint: "=", origin: label }];
}
