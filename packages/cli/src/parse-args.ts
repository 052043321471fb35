import { type ParseArgsConfig, parseArgs } from "node:util";
import { UsageError } from "./command.js";

type OptionsConfig = NonNullable<ParseArgsConfig["options"]>;

type Parsed<Options extends OptionsConfig> = ReturnType<
  typeof parseArgs<{ args: string[]; options: Options; allowPositionals: true; strict: true }>
>;

/** `node:util`'s parser, with its complaints as UsageErrors. */
export function parseCommandLine<const Options extends OptionsConfig>(
  args: string[],
  options: Options,
): Parsed<Options> {
  try {
    return parseArgs({ args, options, allowPositionals: true, strict: true });
  } catch (cause) {
    // Its texts are made for users: "Unknown option '--x'".
    throw new UsageError(cause instanceof Error ? (cause.message.split(". ")[0] ?? cause.message) : "wrong usage", {
      cause,
    });
  }
}

/** A whole number of an option. `joint` stands between both, for the error. @throws UsageError: it is not one, or out of the range. */
export function wholeNumber(
  option: string,
  text: string,
  min: number,
  max = Number.MAX_SAFE_INTEGER,
  joint = " ",
): number {
  const value = Number(text);
  if (/^[0-9]+$/.test(text) && value >= min && value <= max) return value;
  const range = max === Number.MAX_SAFE_INTEGER ? `from ${min}` : `from ${min} to ${max}`;
  throw new UsageError(`--${option}${joint}${text}: must be a whole number ${range}`);
}

const unitsMs = new Map([
  ["s", 1_000],
  ["m", 60_000],
  ["h", 3_600_000],
  ["d", 86_400_000],
]);

/** `90s`, `30m`, `12h`, `7d`, in milliseconds. @throws UsageError: it is none. */
export function durationMs(option: string, text: string): number {
  const [, digits = "", unit = ""] = /^([0-9]+)([smhd])$/.exec(text) ?? [];
  const unitMs = unitsMs.get(unit);
  if (unitMs === undefined) throw new UsageError(`--${option} ${text}: must be a time such as 90s, 30m, 12h or 7d`);
  return Number(digits) * unitMs;
}

const unitBytes = new Map([
  ["", 1],
  ["k", 1_000],
  ["m", 1_000_000],
  ["g", 1_000_000_000],
  ["ki", 1_024],
  ["mi", 1_048_576],
  ["gi", 1_073_741_824],
]);

/** `1000000`, `500MB`, `2GiB`, in bytes. @throws UsageError: it is none. */
export function byteSize(option: string, text: string): number {
  const [, digits = "", unit] = /^([0-9]+) ?([kmg]i?)?b?$/i.exec(text) ?? [];
  const bytes = unitBytes.get((unit ?? "").toLowerCase());
  if (digits === "" || bytes === undefined)
    throw new UsageError(`--${option} ${text}: must be a size such as 1000000, 500MB or 2GiB`);
  return Number(digits) * bytes;
}

/** The one positional argument, or the few, that a command takes. @throws UsageError: too many. */
export function positionals(args: readonly string[], names: readonly string[]): (string | undefined)[] {
  const extra = args[names.length];
  // A URL in the wrong place may hold a password.
  const shown = extra?.replace(/\/\/.*@/, "//...@");
  if (shown !== undefined) throw new UsageError(`unexpected argument ${JSON.stringify(shown)}`);
  return names.map((_name, index) => args[index]);
}
