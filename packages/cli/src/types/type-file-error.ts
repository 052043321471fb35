import { readFileSync } from "node:fs";

/** A file of `--types` that cannot be used; the message begins with the file and, where it is known, the line. */
export class TypeFileError extends Error {
  override readonly name = "TypeFileError";
}

/** @throws TypeFileError: the system's reason why the file cannot be read. */
export function readTypeFile(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (cause) {
    throw new TypeFileError(`${path}: ${cause instanceof Error ? cause.message : "cannot be read"}`, { cause });
  }
}
