import { closeSync, openSync, writeFileSync } from "node:fs";
import { UsageError } from "../command.js";

/** Asked before the minutes of measuring, not after them. What the file holds stays until there is something better. */
export function checkWritable(option: string, file: string | undefined): void {
  if (file === undefined) return;
  try {
    closeSync(openSync(file, "a"));
  } catch (cause) {
    throw new UsageError(`--${option} ${file}: ${reasonOf(cause)}`, { cause });
  }
}

/** Write those that have a name, each whatever becomes of the others. Returns a complaint for each that could not be. */
export function writeFiles(
  files: readonly (readonly [option: string, file: string | undefined, text: () => string])[],
): readonly string[] {
  return files.flatMap(([option, file, text]) => {
    if (file === undefined) return [];
    const content = text();
    try {
      writeFileSync(file, content);
      return [];
    } catch (error) {
      return [`--${option} ${file}: ${reasonOf(error)}`];
    }
  });
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : "cannot be written";
}
