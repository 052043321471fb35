/** A message that no type can be made for; the text begins with the place, such as `items[2].price`. */
export class SampleError extends Error {
  override readonly name = "SampleError";
}

/** What values of one field have in common. `none`: of an empty list's items nothing is known. */
export type Shape =
  | { readonly kind: "none" }
  | { readonly kind: "string" | "bool" | "int32" | "double" }
  | MessageShape;

export interface MessageShape {
  readonly kind: "message";
  readonly fields: ReadonlyMap<string, FieldShape>;
}

export interface FieldShape {
  readonly isList: boolean;
  /** Of the value, or of all of the list's items together. */
  readonly shape: Shape;
}

const int32Max = 2 ** 31 - 1;

/** Compilers of `.proto` files, `protoc` among them, take no types that are nested deeper. */
const maxLevels = 32;

/**
 * The shape of a JSON object: whole numbers of up to 32 bits are `int32`, all others `double` (JSON knows no other, and
 * 64-bit integers would become strings); lists have the shape of all of their items together.
 *
 * @throws SampleError: a list mixes kinds or stands in a list, a value is null, or it is nested too deep.
 */
export function shapeOf(sample: Readonly<Record<string, unknown>>): MessageShape {
  return messageShape(sample, "", 1);
}

function messageShape(value: object, place: string, level: number): MessageShape {
  if (level > maxLevels)
    throw new SampleError(`${place}: nested deeper than ${maxLevels} levels; give --proto and --type`);
  const fields = new Map<string, FieldShape>();
  for (const [key, field] of Object.entries(value)) {
    const fieldPlace = place === "" ? key : `${place}.${key}`;
    if (!Array.isArray(field)) fields.set(key, { isList: false, shape: valueShape(field, fieldPlace, level) });
    else {
      const items = field.map((item: unknown, index) => valueShape(item, `${fieldPlace}[${index}]`, level));
      const shape = items.reduce((a, b) => together(a, b, fieldPlace), { kind: "none" });
      fields.set(key, { isList: true, shape });
    }
  }
  return { kind: "message", fields };
}

function valueShape(value: unknown, place: string, level: number): Shape {
  switch (typeof value) {
    case "string":
      return { kind: "string" };
    case "boolean":
      return { kind: "bool" };
    case "number":
      return { kind: Number.isInteger(value) && Math.abs(value) <= int32Max ? "int32" : "double" };
    default:
      if (Array.isArray(value))
        throw new SampleError(`${place}: Protobuf has no list of lists; give --proto and --type`);
      if (typeof value === "object" && value !== null) return messageShape(value, place, level + 1);
      throw new SampleError(`${place}: null has no type; leave it out, or give --proto and --type`);
  }
}

/** The one shape that values of both fit in. */
function together(a: Shape, b: Shape, place: string): Shape {
  if (a.kind === "none") return b;
  if (b.kind === "none") return a;
  if (a.kind === "message" && b.kind === "message") {
    const fields = new Map(a.fields);
    for (const [key, field] of b.fields) fields.set(key, togetherField(a.fields.get(key), field, `${place}[].${key}`));
    return { kind: "message", fields };
  }
  if (a.kind === b.kind) return a;
  const kinds = new Set([a.kind, b.kind]);
  if (kinds.has("int32") && kinds.has("double")) return { kind: "double" };
  throw mixed(a.kind, b.kind, place);
}

function togetherField(a: FieldShape | undefined, b: FieldShape, place: string): FieldShape {
  if (a === undefined) return b;
  if (a.isList !== b.isList) throw mixed(a.isList ? "a list" : a.shape.kind, b.isList ? "a list" : b.shape.kind, place);
  return { isList: a.isList, shape: together(a.shape, b.shape, place) };
}

function mixed(a: string, b: string, place: string): SampleError {
  return new SampleError(`${place}: ${a} and ${b} in one list; give --proto and --type`);
}
