import {
  type DescField,
  type DescMessage,
  fromBinary,
  fromJson,
  type JsonValue,
  ScalarType,
  toBinary,
  toJson,
} from "@bufbuild/protobuf";
import { sampleType } from "./bound-sample.js";
import type { TypedSample } from "./sample.js";

/**
 * Where a sample, written as Protobuf and read again, is not what it was, such as `items[2].id: 7 comes back as 8`;
 * undefined: nowhere. What proto3 JSON has more than one spelling for (numbers as strings, enums by name, defaults left
 * out) is no difference. Messages of `google.protobuf` are not looked into: they have a JSON of their own.
 *
 * @throws Error: the sample does not fit its type.
 */
export function sampleDifference(sample: TypedSample): string | undefined {
  const { desc, registry } = sampleType(sample);
  const bytes = toBinary(desc, fromJson(desc, sample.json, { registry }));
  const back = toJson(desc, fromBinary(desc, bytes), { registry, alwaysEmitImplicit: true });
  return messageDifference(desc, sample.json, back, "");
}

function messageDifference(desc: DescMessage, given: JsonValue, back: JsonValue, place: string): string | undefined {
  if (desc.typeName.startsWith("google.protobuf.")) return undefined;
  if (!isObject(given) || !isObject(back)) return told(given, back, place);
  for (const [key, value] of Object.entries(given)) {
    const field = desc.fields.find(({ jsonName, name }) => jsonName === key || name === key);
    const fieldPlace = place === "" ? key : `${place}.${key}`;
    // Proto3 JSON's other word for a field that is not set.
    if (value === null) continue;
    const difference = field
      ? fieldDifference(field, value, ownValue(back, field.jsonName), fieldPlace)
      : told(value, undefined, fieldPlace);
    if (difference !== undefined) return difference;
  }
  return undefined;
}

function fieldDifference(
  field: DescField,
  given: JsonValue,
  back: JsonValue | undefined,
  place: string,
): string | undefined {
  if (back === undefined) return told(given, back, place);
  if (field.fieldKind === "list") {
    if (!Array.isArray(given) || !Array.isArray(back) || given.length !== back.length) return told(given, back, place);
    return first(given, (item, index) => valueDifference(field, item, back[index], `${place}[${index}]`));
  }
  if (field.fieldKind === "map") {
    if (!isObject(given) || !isObject(back)) return told(given, back, place);
    return first(Object.entries(given), ([key, value]) =>
      valueDifference(field, value, ownValue(back, key), `${place}[${JSON.stringify(key)}]`),
    );
  }
  return valueDifference(field, given, back, place);
}

function valueDifference(
  field: DescField,
  given: JsonValue,
  back: JsonValue | undefined,
  place: string,
): string | undefined {
  if (back === undefined) return told(given, back, place);
  if (field.message) return messageDifference(field.message, given, back, place);
  return isSame(field, given, back) ? undefined : told(given, back, place);
}

function isSame(field: DescField, given: JsonValue, back: JsonValue): boolean {
  if (field.enum) {
    const numberOf = (value: JsonValue) => field.enum?.values.find(({ name }) => name === value)?.number ?? value;
    return numberOf(given) === numberOf(back);
  }
  switch (field.scalar) {
    case ScalarType.STRING:
    case ScalarType.BOOL:
      return given === back;
    case ScalarType.BYTES:
      return Buffer.from(String(given), "base64").equals(Buffer.from(String(back), "base64"));
    case ScalarType.FLOAT:
      return isSameNumber(Math.fround(Number(given)), Math.fround(Number(back)));
    default:
      return isSameNumber(Number(given), Number(back));
  }
}

/** `NaN` is a value, and so is -0, which is 0 all the same. */
function isSameNumber(a: number, b: number): boolean {
  return a === b || (Number.isNaN(a) && Number.isNaN(b));
}

function told(given: JsonValue, back: JsonValue | undefined, place: string): string {
  return `${place}: ${short(given)} ${back === undefined ? "is lost" : `comes back as ${short(back)}`}`;
}

function short(value: JsonValue): string {
  const text = JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}

function first<Item>(
  items: readonly Item[],
  differenceOf: (item: Item, index: number) => string | undefined,
): string | undefined {
  for (const [index, item] of items.entries()) {
    const difference = differenceOf(item, index);
    if (difference !== undefined) return difference;
  }
  return undefined;
}

/** A name such as `constructor` is no value of the object's own. */
function ownValue(object: { readonly [key: string]: JsonValue }, key: string): JsonValue | undefined {
  return Object.hasOwn(object, key) ? object[key] : undefined;
}

function isObject(value: JsonValue): value is { [key: string]: JsonValue } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
