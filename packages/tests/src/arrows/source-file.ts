import { posix } from "node:path";
import { parseSync, visitorKeys } from "oxc-parser";

/** What the rules need to know of one source file. */
export interface SourceFile {
  /** From the root of the repository, with slashes. */
  readonly path: string;
  readonly imports: readonly Import[];
  /** The globals and unbound chains it touches, in dotted text: `process.env.PATH`, `setTimeout`, `new Date()`. */
  readonly chains: readonly Mention[];
}

/** Something that stands in a file, and on which line. */
export interface Mention {
  readonly text: string;
  readonly lineNumber: number;
}

/** An import: its text is the module's name as it stands in the file. */
export interface Import extends Mention {
  /** Whether it leaves nothing behind after compilation. */
  readonly isOfTypes: boolean;
  /** What it takes of the module, by the names that it has there; `*` for all. */
  readonly names: readonly string[];
}

/** A node of the syntax tree, as far as this walk looks at it. */
interface Node {
  readonly type: string;
  readonly start: number;
  readonly [key: string]: unknown;
}

/**
 * Read the imports of a file (static, dynamic, re-exported, of types alone, in a type position) and the globals in it.
 * The tree is walked without scopes, so a local variable that is named like a global counts as the global.
 *
 * @throws Error when the text is not TypeScript: a file that cannot be read must not pass as one without imports.
 */
export function parseSourceFile(path: string, text: string): SourceFile {
  const { program, errors } = parseSync(path, text);
  if (errors.length > 0) throw new Error(`${path}: ${errors.map((error) => error.message).join("; ")}`);
  const imports: Import[] = [];
  const chains: Mention[] = [];
  const mention = (mentioned: string, node: Node) => ({ text: mentioned, lineNumber: lineNumberAt(text, node.start) });
  walk(program as unknown as Node, (node) => {
    const specifier = specifierOf(node);
    if (specifier !== undefined)
      imports.push({ ...mention(specifier, node), isOfTypes: isOfTypes(node), names: namesOf(node) });
    const chain = chainOf(node);
    if (chain !== undefined) chains.push(mention(chain, node));
  });
  return { path, imports, chains };
}

/**
 * The file that an import leads to, from the root and without its extension (`.js` in an import may be `.ts` or `.tsx` on
 * disk); `undefined` for a module from outside of the repository.
 */
export function importedPath(from: string, specifier: string): string | undefined {
  if (specifier.startsWith(".")) return withoutExtension(posix.join(posix.dirname(from), specifier));
  const match = /^@confab\/([^/]+)(?:\/(.+))?$/.exec(specifier);
  return match ? withoutExtension(`packages/${match[1]}/src/${match[2] ?? "index"}`) : undefined;
}

/** The path of a source file, or of an import, as `importedPath` gives it. */
export function withoutExtension(path: string): string {
  return path.replace(/\.(?:js|tsx?)$/, "");
}

/** Calls `see` for a node and what is below it, without the names that are labels and not references. */
function walk(node: Node, see: (node: Node) => void): void {
  see(node);
  for (const key of visitorKeys[node.type] ?? []) {
    if (isLabel(node, key)) continue;
    const below = node[key];
    for (const child of Array.isArray(below) ? below : [below]) {
      if (isNode(child)) walk(child, see);
    }
  }
}

function isNode(value: unknown): value is Node {
  return typeof value === "object" && value !== null && "type" in value;
}

/** Whether the child is a mere name: of a property, a method, an import. A member chain is seen whole, from its top. */
function isLabel(node: Node, key: string): boolean {
  if (node.type === "MemberExpression")
    return chainOf(node) !== undefined || (key === "property" && node["computed"] === false);
  if (node.type === "ImportSpecifier" || node.type === "ExportSpecifier") return key !== "local";
  return key === "key" && node["computed"] === false;
}

/** The module that a node imports, if it does. */
function specifierOf(node: Node): string | undefined {
  const isImport = /^(?:Import|ExportNamed|ExportAll)Declaration$|^(?:ImportExpression|TSImportType)$/.test(node.type);
  const source = isImport ? node["source"] : undefined;
  if (!isNode(source)) return undefined;
  // A computed import() cannot be judged, so it has a text that no rule allows.
  return typeof source["value"] === "string" ? source["value"] : "(computed)";
}

/** `import type`, `export type … from`, `import("…").T`, or an import whose every name is marked as a type. */
function isOfTypes(node: Node): boolean {
  const { type, importKind, exportKind, specifiers } = node;
  if (type === "TSImportType" || importKind === "type" || exportKind === "type") return true;
  const names = Array.isArray(specifiers) ? specifiers.filter(isNode) : [];
  return names.length > 0 && names.every((name) => name["importKind"] === "type" || name["exportKind"] === "type");
}

function namesOf({ type, specifiers, qualifier }: Node): string[] {
  if (type === "TSImportType") return isNode(qualifier) ? [String(qualifier["name"])] : ["*"];
  if (!Array.isArray(specifiers)) return ["*"];
  return specifiers.filter(isNode).map((specifier) => {
    const name = specifier[specifier.type === "ExportSpecifier" ? "local" : "imported"];
    return isNode(name) ? String(name["name"] ?? name["value"]) : "*";
  });
}

/** The dotted text of a name or of a chain of names, `new Date()` for the present time; else `undefined`. */
function chainOf(node: Node): string | undefined {
  if (node.type === "Identifier") return node["name"] as string;
  if (node.type === "NewExpression") return isPresentTime(node) ? "new Date()" : undefined;
  if (node.type !== "MemberExpression" || !isNode(node["object"])) return undefined;
  const start = chainOf(node["object"]);
  const name = propertyNameOf(node);
  if (start === undefined || start === "new Date()" || name === undefined) return undefined;
  return start === "globalThis" ? name : `${start}.${name}`;
}

/** The property that a member expression names, be it as `.env` or as `["env"]`. */
function propertyNameOf({ property, computed }: Node): string | undefined {
  const name = isNode(property) ? property[computed === true ? "value" : "name"] : undefined;
  return typeof name === "string" ? name : undefined;
}

function isPresentTime(node: Node): boolean {
  const { callee, arguments: given } = node;
  return isNode(callee) && callee["name"] === "Date" && Array.isArray(given) && given.length === 0;
}

function lineNumberAt(text: string, offset: number): number {
  return text.slice(0, offset).split("\n").length;
}
