import { dirname } from "node:path";
import { limits } from "@confab/contract";
import { isAlias, isMap, isScalar, isSeq, LineCounter, type Node, type Pair, parseDocument, type YAMLMap } from "yaml";
import { UsageError } from "../command.js";
import { textOf } from "./secret-file.js";
import { fileNameOf, isLimitName, limitSetting, type Setting } from "./setting.js";
import { settings } from "./settings.js";
import type { Given, Source } from "./source.js";
import { suggestion } from "./suggestion.js";

/** The key of the file below which the limits are; every other key is a setting. */
const limitsKey = "limits";

const knownKeys: readonly string[] = [
  ...Object.entries<Setting>(settings).flatMap(([name, { isSecret }]) =>
    isSecret ? [name, fileNameOf(name)] : [name],
  ),
  limitsKey,
];

/**
 * What a file of YAML says, or one of JSON, which is YAML too. `label` is what named it, for errors.
 *
 * @throws UsageError: it cannot be read, is not YAML, or has a key that is unknown or there twice.
 */
export function configFileSource(file: string, label: string): Source {
  return new ConfigFile(file, textOf(file, label)).source();
}

function meantKey(key: string): string {
  return isLimitName(key) ? `; did you mean ${limitsKey}: { ${key} }?` : suggestion(key, knownKeys);
}

class ConfigFile {
  private readonly lines = new LineCounter();

  constructor(
    private readonly file: string,
    private readonly text: string,
  ) {}

  source(): Source {
    const document = parseDocument(this.text, { lineCounter: this.lines, prettyErrors: false });
    const [trouble] = [...document.errors, ...document.warnings];
    if (trouble) throw new UsageError(`${this.at(trouble.pos[0])}: ${this.reasonOf(trouble)}`);
    const source = new Map<string, Given>();
    if (isAbsent(document.contents)) return source;
    for (const [key, node, at] of this.entriesOf(document.contents, "the file")) {
      if (key === limitsKey) this.addLimits(source, node, at);
      else if (knownKeys.includes(key)) source.set(key, this.given(key, node, at));
      else throw new UsageError(`${at}: unknown key ${JSON.stringify(key)}${meantKey(key)}`);
    }
    return source;
  }

  private addLimits(source: Map<string, Given>, node: Node | null, at: string): void {
    const names = Object.keys(limits);
    if (node === null) throw new UsageError(`${at}: ${limitsKey} is empty; give it names and values, or remove it`);
    for (const [name, value, place] of this.entriesOf(node, limitsKey)) {
      if (!names.includes(name))
        throw new UsageError(`${place}: unknown limit ${JSON.stringify(name)}${suggestion(name, names)}`);
      const key = limitSetting(name);
      source.set(key, this.given(key, value, place));
    }
  }

  /** The keys of a mapping, with their values and places. */
  private *entriesOf(node: Node, what: string): Generator<readonly [key: string, value: Node | null, at: string]> {
    if (!isMap(node)) throw new UsageError(`${this.placeOf(node)}: ${what} must have lines such as "name: value"`);
    for (const { key, value } of (node as YAMLMap<Node, Node | null>).items as Pair<Node, Node | null>[]) {
      const name = isScalar(key) ? String(key.value) : "";
      yield [name, isAbsent(value) ? null : value, this.placeOf(key)];
    }
  }

  private given(name: string, node: Node | null, at: string): Given {
    const isList = (settings as Readonly<Record<string, Setting>>)[name]?.isList ?? false;
    const texts = isList && isSeq(node) ? node.items.map((item) => this.textOf(name, item as Node, at)) : undefined;
    return {
      texts: texts ?? (node === null ? undefined : [this.textOf(name, node, at)]),
      label: `${at}: ${name}`,
      joint: ": ",
      origin: at,
      whenEmpty: "remove it",
      folder: dirname(this.file),
    };
  }

  /** The text of a single value, as it is written in the file, so that `0x10` is refused here as on the command line. */
  private textOf(name: string, node: Node, at: string): string {
    if (isAlias(node)) throw new UsageError(`${at}: ${name}: references (*name) are not supported`);
    if (!isScalar(node)) throw new UsageError(`${at}: ${name} must be a single value`);
    return typeof node.value === "number" ? (node.source ?? String(node.value)) : String(node.value);
  }

  private placeOf(node: Node): string {
    return this.at(node.range?.[0] ?? 0);
  }

  private at(offset: number): string {
    return `${this.file}:${this.lines.linePos(offset).line}`;
  }

  private reasonOf({ code, message, pos }: { code: string; message: string; pos: readonly [number, number] }): string {
    const line = this.text.slice(pos[0]).split("\n", 1)[0] ?? "";
    switch (code) {
      case "DUPLICATE_KEY":
        return `the key ${JSON.stringify(/^"?([^":\s]*)/.exec(line)?.[1])} is there twice`;
      case "TAB_AS_INDENT":
        return "indented by a tab; YAML takes spaces only";
      default:
        return `not YAML: ${message}`;
    }
  }
}

function isAbsent(node: Node | null): node is null {
  return node === null || (isScalar(node) && node.value === null);
}
