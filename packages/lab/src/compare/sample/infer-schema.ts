import { fieldNameOf, typeNameOf } from "./schema-names.js";
import { type MessageShape, SampleError, type Shape, shapeOf } from "./shape.js";

/** The type that was made for a message without one. */
export interface InferredSchema {
  readonly typeName: string;
  /** In `.proto` syntax; what a developer would write for such a message, so that the comparison is fair to Protobuf. */
  readonly text: string;
}

/**
 * Make a Protobuf type from one JSON object, its fields in their order; `shapeOf` says what becomes of which value.
 *
 * @throws SampleError: it has no shape that a type can have.
 */
export function inferSchema(sample: Readonly<Record<string, unknown>>): InferredSchema {
  return {
    typeName: "lab.Sample",
    text: `syntax = "proto3";\npackage lab;\n\n${messageText("Sample", shapeOf(sample), "")}`,
  };
}

function messageText(name: string, { fields }: MessageShape, indent: string): string {
  const inner = `${indent}  `;
  const lines: string[] = [];
  const taken = new Set<string>();
  let number = 0;
  for (const [key, { isList, shape }] of fields) {
    number += 1;
    const fieldName = fieldNameOf(key, taken);
    const type = shape.kind === "message" ? typeNameOf(fieldName, taken) : scalarOf(shape);
    if (shape.kind === "message") lines.push(messageText(type, shape, inner).trimEnd());
    const jsonName = key === fieldName && !key.includes("_") ? "" : ` [json_name = ${stringLiteral(key)}]`;
    lines.push(`${inner}${isList ? "repeated " : ""}${type} ${fieldName} = ${number}${jsonName};`);
  }
  return `${[`${indent}message ${name} {`, ...lines].join("\n")}\n${indent}}\n`;
}

function scalarOf({ kind }: Exclude<Shape, MessageShape>): string {
  // An empty list says nothing of its items, and has none to encode.
  return kind === "none" ? "string" : kind;
}

function stringLiteral(key: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
  if (/[\x00-\x1f\x7f]/.test(key)) throw new SampleError(`${JSON.stringify(key)}: a name with a control character`);
  return JSON.stringify(key);
}
