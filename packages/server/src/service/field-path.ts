import type { DescField, DescMessage } from "@bufbuild/protobuf";

/** A field of a message or of a message within it, as URLs name it: `limit`, `after.epoch`. */
export interface FieldPath {
  /** In proto names, joined by dots. */
  readonly name: string;
  /** From the outermost to the field that is meant; never empty. */
  readonly fields: readonly [DescField, ...DescField[]];
  readonly leaf: DescField;
}

/** Find a field by its path, each step in the proto name or the JSON name; undefined when there is no such field. */
export function fieldPathFrom(message: DescMessage, dotted: string): FieldPath | undefined {
  const fields: DescField[] = [];
  let within: DescMessage | undefined = message;
  for (const step of dotted.split(".")) {
    const field: DescField | undefined = within?.fields.find(
      ({ name, jsonName }) => name === step || jsonName === step,
    );
    if (!field) return undefined;
    fields.push(field);
    within = field.fieldKind === "message" ? field.message : undefined;
  }
  const [first, ...rest] = fields;
  const leaf = fields.at(-1);
  return first && leaf && { name: fields.map(({ name }) => name).join("."), fields: [first, ...rest], leaf };
}
