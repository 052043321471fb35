/** The type that was made for a message without one. */
export interface InferredSchema {
  readonly typeName: string;
  /** In `.proto` syntax; what a developer would write for such a message, so that the comparison is fair to Protobuf. */
  readonly text: string;
}

/** A message that no type can be made for; the text begins with the place, such as `items[2].price`. */
export class SampleError extends Error {
  override readonly name = "SampleError";
}

const int32Max = 2 ** 31 - 1;

/**
 * Make a Protobuf type from one JSON object: fields in their order, whole numbers of up to 32 bits as `int32`, all others
 * as `double` (JSON knows no other, and 64-bit integers would become strings), lists from all of their items together.
 *
 * @throws SampleError: a list mixes kinds, is nested in a list, or a value is null, of which no type can be told.
 */
export function inferSchema(sample: Readonly<Record<string, unknown>>): InferredSchema {
  const body = messageText("Sample", sample, "", "");
  return { typeName: "lab.Sample", text: `syntax = "proto3";\npackage lab;\n\n${body}` };
}

function messageText(name: string, value: Readonly<Record<string, unknown>>, place: string, indent: string): string {
  const inner = `${indent}  `;
  const lines: string[] = [];
  const names = new Set<string>();
  for (const [index, [key, field]] of Object.entries(value).entries()) {
    const fieldName = fieldNameOf(key, names);
    const fieldPlace = place === "" ? key : `${place}.${key}`;
    const isList = Array.isArray(field);
    const items: readonly unknown[] = isList ? field : [field];
    const nestedName = `${fieldName.replace(/(?:^|_)([a-z0-9])/g, (_all, letter: string) => letter.toUpperCase())}Value`;
    const type = typeOf(items, fieldPlace, nestedName);
    if (type === nestedName) lines.push(messageText(nestedName, merged(items), fieldPlace, inner).trimEnd());
    const jsonName = key === fieldName && !key.includes("_") ? "" : ` [json_name = ${JSON.stringify(key)}]`;
    lines.push(`${inner}${isList ? "repeated " : ""}${type} ${fieldName} = ${index + 1}${jsonName};`);
  }
  return `${indent}message ${name} {\n${lines.join("\n")}\n${indent}}\n`;
}

/** A name that `.proto` files allow, and that no field before has. */
function fieldNameOf(key: string, taken: Set<string>): string {
  const base = key.replace(/[^A-Za-z0-9_]/g, "_").replace(/^(?![A-Za-z])/, "f_");
  let name = base;
  for (let number = 2; taken.has(name.toLowerCase()); number += 1) name = `${base}_${number}`;
  taken.add(name.toLowerCase());
  return name;
}

function typeOf(items: readonly unknown[], place: string, nestedName: string): string {
  const kinds = new Set(items.map((item, index) => kindOf(item, items.length === 1 ? place : `${place}[${index}]`)));
  // An empty list says nothing of its items, and has none to encode.
  if (kinds.size === 0) return "string";
  if (kinds.size === 2 && kinds.has("int32") && kinds.has("double")) return "double";
  const [kind, other] = kinds;
  if (other !== undefined)
    throw new SampleError(`${place}: a list of ${[...kinds].join(" and ")}; give --proto and --type`);
  return kind === undefined || kind === "message" ? nestedName : kind;
}

function kindOf(value: unknown, place: string): string {
  switch (typeof value) {
    case "string":
      return "string";
    case "boolean":
      return "bool";
    case "number":
      return Number.isInteger(value) && Math.abs(value) <= int32Max ? "int32" : "double";
    default:
      if (value === null) throw new SampleError(`${place}: null has no type; leave it out, or give --proto and --type`);
      if (Array.isArray(value))
        throw new SampleError(`${place}: Protobuf has no list of lists; give --proto and --type`);
      return "message";
  }
}

/** All fields of a list's items together: the first item that has a field shows its type. */
function merged(items: readonly unknown[]): Readonly<Record<string, unknown>> {
  const fields: Record<string, unknown> = {};
  for (const item of items) {
    if (typeof item !== "object" || item === null) continue;
    for (const [key, value] of Object.entries(item)) fields[key] = together(fields[key], value);
  }
  return fields;
}

/** Of two values of one field the one that needs the wider type. */
function together(before: unknown, value: unknown): unknown {
  if (before === undefined) return value;
  if (Array.isArray(before) && Array.isArray(value)) return [...before, ...value];
  if (typeof before === "number" && typeof value === "number") return kindOf(before, "") === "double" ? before : value;
  return before;
}
