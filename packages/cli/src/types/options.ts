import { create, type DescField, type DescMessage, type MessageShape, ScalarType } from "@bufbuild/protobuf";
import type protobuf from "protobufjs";

/** The value of an option, with what `option (x).a = …` and `option (x).b = …` said put together; undefined if it is not set. */
export function optionValue(object: protobuf.ReflectionObject, name: string): unknown {
  const { parsedOptions } = object;
  if (!Array.isArray(parsedOptions)) return undefined;
  const values = parsedOptions.filter((each: Record<string, unknown>) => name in each).map((each) => each[name]);
  return values.length > 1 && values.every(isRecord) ? Object.assign({}, ...values) : values[0];
}

/**
 * A message from an option's value as the parser gives it: fields by their name in the `.proto`, one value alone where a
 * list is due, numbers for 64 bits, names for enums.
 *
 * @throws Error: the value does not fit.
 */
export function messageFromOption<Desc extends DescMessage>(desc: Desc, value: unknown): MessageShape<Desc> {
  if (!isRecord(value)) throw new Error(`a value of ${desc.typeName} is not a message`);
  const init: Record<string, unknown> = {};
  for (const [name, part] of Object.entries(value)) {
    const field = desc.fields.find((each) => each.name === name);
    if (!field) throw new Error(`${desc.typeName} has no field ${name}`);
    const converted = fieldValue(field, part);
    if (field.oneof) init[field.oneof.localName] = { case: field.localName, value: converted };
    else init[field.localName] = converted;
  }
  // Built after the descriptor's own field list, so this is its init shape; the compiler cannot follow it.
  return create<DescMessage>(desc, init as never) as MessageShape<Desc>;
}

function fieldValue(field: DescField, value: unknown): unknown {
  if (field.fieldKind === "list")
    return (Array.isArray(value) ? value : [value]).map((each) => singleValue(field, each));
  if (field.fieldKind === "map") throw new Error(`${field.name}: maps are not understood in options`);
  return singleValue(field, value);
}

function singleValue(field: DescField, value: unknown): unknown {
  if (field.message) return messageFromOption(field.message, value);
  if (field.enum) {
    const named = field.enum.values.find(({ name, number }) => name === value || number === value);
    if (!named) throw new Error(`${field.name}: ${String(value)} is no ${field.enum.typeName}`);
    return named.number;
  }
  switch (field.scalar) {
    case ScalarType.STRING:
      return String(value);
    case ScalarType.BYTES:
      return new TextEncoder().encode(String(value));
    case ScalarType.BOOL:
      return value === true || value === "true";
    case ScalarType.INT64:
    case ScalarType.UINT64:
    case ScalarType.SINT64:
    case ScalarType.FIXED64:
    case ScalarType.SFIXED64:
      return BigInt(String(value));
    default:
      return Number(value);
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
