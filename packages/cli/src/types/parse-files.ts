import { existsSync, realpathSync } from "node:fs";
import { dirname, relative, resolve, sep } from "node:path";
import protobuf from "protobufjs";
import { bundledFiles } from "./bundled-files.js";
import { readTypeFile, TypeFileError } from "./type-file-error.js";

/** One `.proto` file after reading it. */
export interface ParsedFile {
  /** Where it is. */
  readonly path: string;
  /** What descriptors call it: its path from the folder of the first file that was given. */
  readonly name: string;
  readonly source: string;
  readonly packageName: string;
  /** What its imports are called in descriptors. */
  readonly imports: readonly string[];
}

/**
 * Read `.proto` files and everything they import into one tree of types. The tree's objects know their file by its name.
 *
 * An import is looked for where protoc would, seen from the folder of each file that was given, and then beside the file
 * that imports it.
 *
 * @throws TypeFileError: a file is missing, or its syntax is wrong; with the line.
 */
export function parseFiles(paths: readonly string[], root: protobuf.Root): ParsedFile[] {
  const given = paths.map((path) => resolve(path));
  const folders = [...new Set(given.map(dirname))];
  const names = new Map<string, string>();
  const ordered: ParsedFile[] = [];

  const visit = (path: string): string => {
    const source = readTypeFile(path).toString("utf8");
    const identity = realpathSync(path);
    const seen = names.get(identity);
    if (seen !== undefined) return seen;
    const name = relative(folders[0] ?? ".", path)
      .split(sep)
      .join("/");
    const parsed = parse(path, name, source, root);
    // Before the imports, so that a circle of them ends.
    names.set(identity, name);
    const imports = [...(parsed.imports ?? []), ...(parsed.weakImports ?? [])].map((imported) =>
      bundledFiles.has(imported) ? imported : visit(locate(imported, path, source)),
    );
    // After the imports: a descriptor set lists each file after those that it needs.
    ordered.push({ path, name, source, packageName: parsed.package ?? "", imports });
    return name;
  };

  const locate = (imported: string, by: string, source: string): string => {
    const found = [...folders, dirname(by)].map((folder) => resolve(folder, imported)).find((path) => existsSync(path));
    if (found !== undefined) return found;
    const line = lineOf(source, imported);
    throw new TypeFileError(`${by}:${line}: import "${imported}" is not in ${folders.join(" or ")}`);
  };

  for (const path of given) visit(path);
  return ordered;
}

function parse(path: string, name: string, source: string, root: protobuf.Root): protobuf.IParserResult {
  // The parser takes the name of its file from here.
  Object.assign(protobuf.parse, { filename: name });
  try {
    return protobuf.parse(source, root, { keepCase: true });
  } catch (cause) {
    const text = cause instanceof Error ? cause.message : "cannot be parsed";
    const [, what = text, line] = /^(.*?)(?: \((?:.*, )?line (\d+)\))?$/s.exec(text) ?? [];
    throw new TypeFileError(line === undefined ? `${path}: ${what}` : `${path}:${line}: ${what}`, { cause });
  }
}

/** The line, from 1, in which `text` first stands. */
export function lineOf(source: string, text: string | RegExp): number {
  const at = typeof text === "string" ? source.indexOf(text) : source.search(text);
  return at < 0 ? 1 : source.slice(0, at).split("\n").length;
}
