import { LineCounter, parseDocument } from "yaml";
import { UsageError } from "../command.js";
import { textOf } from "../config/secret-file.js";

/** The rules of a file in YAML or JSON, for the server to check. @throws UsageError: it cannot be read, or is not YAML. */
export function rulesIn(file: string, label: string): unknown {
  const lineCounter = new LineCounter();
  const document = parseDocument(textOf(file, label), { lineCounter, prettyErrors: false });
  const [trouble] = [...document.errors, ...document.warnings];
  if (trouble) throw new UsageError(`${label} ${file}:${lineCounter.linePos(trouble.pos[0]).line}: ${trouble.message}`);
  try {
    return document.toJS({ maxAliasCount: 0 }) as unknown;
  } catch (cause) {
    // `*` at the beginning of a value is an alias in YAML.
    const reason = cause instanceof Error ? cause.message : "cannot be used";
    throw new UsageError(`${label} ${file}: ${reason}; write a pattern that begins with * in quotes`, { cause });
  }
}
