import { resolve } from "node:path";
import { stringify } from "yaml";
import { defaultOrigin, type Resolved, type Settings } from "./resolve.js";
import { limitOf } from "./setting.js";

/** How a secret is shown. */
const hidden = "(hidden)";

/**
 * All settings with their origins, as a file of YAML. Defaults are comments: some settings may not stand in a file unless
 * another one does. Secrets are left out, so that it can be shown to others.
 */
export function configText({ all }: Settings): string {
  const lines: string[] = ["# command line > environment > file > default"];
  const rows = [...all].map(([name, each]) => [rowOf(name, each), each.origin] as const);
  const width = Math.min(60, Math.max(...rows.map(([row]) => row.length)));
  const hasLimits = rows.some(([row]) => row.startsWith("  "));
  for (const [row, origin] of rows) {
    if (/^(?:# )? {2}/.test(row) && !lines.some((line) => line.endsWith("limits:")))
      lines.push(hasLimits ? "limits:" : "# limits:");
    lines.push(`${row.padEnd(width)}  # ${origin}`);
  }
  return lines.join("\n");
}

/** The same as JSON, one object for each setting. */
export function configJson({ all }: Settings): string {
  const list = [...all].map(([name, each]) => ({ name, value: shownValue(each) ?? null, origin: each.origin }));
  return JSON.stringify(list, undefined, 2);
}

function rowOf(name: string, each: Resolved): string {
  const limit = limitOf(name);
  const value = shownValue(each);
  if (value === undefined) return `# ${name}:`;
  const isHidden = value === hidden;
  const row = `${limit === undefined ? name : `  ${limit}`}: ${isHidden ? hidden : stringify(value, { collectionStyle: "flow", lineWidth: 0 }).trimEnd()}`;
  return isHidden || each.origin === defaultOrigin ? `# ${row}` : row;
}

/** As it was written, with its type; undefined: it is not set. */
function shownValue({ setting, texts, value }: Resolved): string | number | boolean | readonly string[] | undefined {
  if (texts === undefined) return undefined;
  const [text = ""] = texts;
  if (setting.isSecret && text !== setting.fallback) return hidden;
  // A file that names a path means it from its own folder.
  if (setting.kind.isPath) return setting.isList ? texts.map((each) => resolve(each)) : resolve(text);
  if (setting.isList) return texts;
  return typeof value === "boolean" || String(value) === text ? (value as boolean | number | string) : text;
}
