import { readFileSync } from "node:fs";
import { UsageError } from "../command.js";

/** What names the engine, and where that was given. */
export interface EngineSetting {
  /** `embedded` or the URL of a Redis, which may hold a password. */
  readonly value: string;
  /** For errors: `--engine`, `CONFAB_ENGINE` or `CONFAB_ENGINE_FILE`. */
  readonly key: string;
}

/** The environment variables that name the engine. Their users alone can read them; the command line all users of a machine. */
const variable = "CONFAB_ENGINE";
const fileVariable = "CONFAB_ENGINE_FILE";

/**
 * What names the engine: the option, or else one of the variables. Undefined: nothing does.
 *
 * @throws UsageError: a variable is empty, both are set, or the file cannot be read. It never quotes a value.
 */
export function engineSettingFrom(
  option: string | undefined,
  env: Readonly<Record<string, string | undefined>>,
): EngineSetting | undefined {
  if (option !== undefined) return { value: option, key: "--engine" };
  const { [variable]: value, [fileVariable]: file } = env;
  if (value !== undefined && file !== undefined) {
    throw new UsageError(`${variable} and ${fileVariable} are both set; unset one of them`);
  }
  // A variable that a deployment left empty must not start a server that keeps its messages somewhere else.
  const expected = "a Redis URL or embedded";
  if (value === "") throw new UsageError(`${variable} is empty; set it to ${expected}, or unset it`);
  if (file === "") throw new UsageError(`${fileVariable} is empty; set it to the path of a file, or unset it`);
  if (value !== undefined) return { value, key: variable };
  if (file === undefined) return undefined;
  const text = textOf(file).replace(/\r?\n$/, "");
  if (text === "") throw new UsageError(`${fileVariable} ${file}: the file is empty; it must hold ${expected}`);
  return { value: text, key: fileVariable };
}

/** Whether a URL holds a password: of Redis, or of its Sentinels. */
export function hasPassword(url: string): boolean {
  return /^[^:]*:\/\/[^@]*:[^@]+@|[?&]sentinel-password=/.test(url);
}

function textOf(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (cause) {
    const code = cause instanceof Error && "code" in cause ? cause.code : undefined;
    const reason = code === "ENOENT" ? "no such file" : `the file cannot be read (${code})`;
    throw new UsageError(`${fileVariable} ${file}: ${reason}`, { cause });
  }
}
