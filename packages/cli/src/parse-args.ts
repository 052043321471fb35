import { type ParseArgsConfig, parseArgs } from "node:util";
import { parsePosition } from "@confab/contract";
import { UsageError } from "./command.js";
import { suggestion } from "./config/suggestion.js";
import { byteSizeIn, durationIn, ValueError, wholeNumberIn } from "./config/values.js";

export type OptionsConfig = NonNullable<ParseArgsConfig["options"]>;

type Parsed<Options extends OptionsConfig> = ReturnType<
  typeof parseArgs<{ args: string[]; options: Options; allowPositionals: true; strict: true }>
>;

/** `node:util`'s parser, with its complaints as UsageErrors. `allowNegative`: switches can be taken back, by `--no-x`. */
export function parseCommandLine<const Options extends OptionsConfig>(
  args: string[],
  options: Options,
  { allowNegative = false }: { readonly allowNegative?: boolean } = {},
): Parsed<Options> {
  try {
    return parseArgs({ args, options, allowPositionals: true, strict: true, allowNegative });
  } catch (cause) {
    // Its texts are made for users: "Unknown option '--x'".
    const text = cause instanceof Error ? (cause.message.split(". ")[0] ?? cause.message) : "wrong usage";
    throw new UsageError(text + meantOption(text, options), { cause });
  }
}

function meantOption(complaint: string, options: OptionsConfig): string {
  const [, wrong] = /^Unknown option '(--[^']+)'/.exec(complaint) ?? [];
  if (wrong === undefined) return "";
  return suggestion(
    wrong,
    Object.keys(options).map((name) => `--${name}`),
  );
}

/** A whole number of an option. @throws UsageError: it is not one, or out of the range. */
export function wholeNumber(option: string, text: string, min: number, max?: number): number {
  return optionValue(option, text, () => wholeNumberIn(text, min, max));
}

/** `90s`, `30m`, `12h`, `7d`, in milliseconds. @throws UsageError: it is none. */
export function durationMs(option: string, text: string): number {
  return optionValue(option, text, () => durationIn(text));
}

/** `1000000`, `500MB`, `2GiB`, in bytes. @throws UsageError: it is not one. */
export function byteSize(option: string, text: string): number {
  return optionValue(option, text, () => byteSizeIn(text));
}

/** A position of an option, as it stands. @throws UsageError: it is not one. */
export function positionOption(option: string, text: string | undefined): string | undefined {
  if (text !== undefined && !parsePosition(text))
    throw new UsageError(`--${option} must be epoch:offset, as 3405691582:7, got ${JSON.stringify(text)}`);
  return text;
}

function optionValue<Value>(option: string, text: string, parse: () => Value): Value {
  try {
    return parse();
  } catch (cause) {
    if (!(cause instanceof ValueError)) throw cause;
    throw new UsageError(`--${option} ${text}: ${cause.message}`, { cause });
  }
}

/** The one positional argument, or the few, that a command takes. @throws UsageError: too many. */
export function positionals(args: readonly string[], names: readonly string[]): (string | undefined)[] {
  const extra = args[names.length];
  // A URL in the wrong place may hold a password.
  const shown = extra?.replace(/\/\/.*@/, "//...@");
  if (shown !== undefined) throw new UsageError(`unexpected argument ${JSON.stringify(shown)}`);
  return names.map((_name, index) => args[index]);
}
