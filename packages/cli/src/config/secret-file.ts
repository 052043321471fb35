import { readFileSync } from "node:fs";
import { UsageError } from "../command.js";

/**
 * What a file holds, without one line break at its end: editors and `echo` write one.
 *
 * @throws UsageError: it cannot be read, or is empty. `label` is the setting that names it, `form` what it must hold.
 */
export function secretIn(file: string, label: string, form: string): string {
  const text = textOf(file, label).replace(/\r?\n$/, "");
  if (text === "") throw new UsageError(`${label} ${file}: the file is empty; it must hold ${form}`);
  return text;
}

/** @throws UsageError */
export function textOf(file: string, label: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (cause) {
    const code = cause instanceof Error && "code" in cause ? cause.code : undefined;
    const reason = code === "ENOENT" ? "no such file" : `the file cannot be read (${code})`;
    throw new UsageError(`${label} ${file}: ${reason}`, { cause });
  }
}
