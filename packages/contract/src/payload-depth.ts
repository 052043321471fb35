import type { DescExtension, DescField, DescMessage, JsonValue, Message, Registry } from "@bufbuild/protobuf";
import { fromBinary, getExtension } from "@bufbuild/protobuf";
import { type Any, isWrapperDesc, type ListValue, type Struct, type Value } from "@bufbuild/protobuf/wkt";

/**
 * How many objects and lists may stand within each other in the JSON of a payload. Pages and frames add up to four levels,
 * and 64 are what cautious JSON readers take by default (.NET's System.Text.Json); most take 100 or more, `parseJson` among
 * them. A message that a reader cannot parse would keep it from all that follow in the room.
 */
export const maxPayloadLevels = 60;

/** Whether a type can have JSON that is too deep for a payload. For most types the answer is no, whatever the message. */
export function canBeTooDeep(desc: DescMessage): boolean {
  // A special JSON form stands one level deeper than members do.
  return mostLevels(desc) >= maxPayloadLevels;
}

/**
 * Whether the JSON of a payload is too deep. It takes as many steps as the payload has messages, and follows none of them
 * deeper than the bound. `Any` and extensions are followed as the JSON writer follows them: each is decoded separately,
 * so the bound of the Protobuf decoder says nothing about them. Where one has no JSON, the payload has none either.
 */
export function isTooDeep(desc: DescMessage, message: Message, registry: Registry): boolean {
  return isPackedDeeper(desc, message, maxPayloadLevels, registry);
}

/** A message in an `Any`: its members stand beside `@type`, or its special JSON form stands in a member `value`. */
function isPackedDeeper(desc: DescMessage, message: Message, levels: number, registry: Registry): boolean {
  return isDeeper(desc, message, standsUnderValue(desc) ? levels - 1 : levels, registry);
}

/** Whether the JSON of a message opens more than `levels` (from 0) objects and lists within each other. */
function isDeeper(desc: DescMessage, message: Message, levels: number, registry: Registry): boolean {
  if (mostLevels(desc) <= levels) return false;
  switch (desc.typeName) {
    case "google.protobuf.Any":
      return isAnyDeeper(message as Any, levels, registry);
    case "google.protobuf.Struct":
      return isStructDeeper(message as Struct, levels);
    case "google.protobuf.ListValue":
      return isListDeeper(message as ListValue, levels);
    case "google.protobuf.Value":
      return isValueDeeper(message as Value, levels);
  }
  if (levels < 1) return true;
  for (const field of desc.fields) {
    if (field.fieldKind === "scalar" || field.fieldKind === "enum") continue;
    const value = memberOf(message, field);
    if (value !== undefined && isFieldDeeper(field, value, levels - 1, registry)) return true;
  }
  return isExtensible(desc) && isExtensionDeeper(desc, message, levels - 1, registry);
}

function isAnyDeeper({ typeUrl, value }: Any, levels: number, registry: Registry): boolean {
  if (levels < 1) return true;
  const desc = registry.getMessage(typeUrl.slice(typeUrl.lastIndexOf("/") + 1));
  if (!desc || mostLevels(desc) < levels) return false;
  const message = orNothing(() => fromBinary(desc, value));
  return message !== undefined && isPackedDeeper(desc, message, levels, registry);
}

function isExtensionDeeper(desc: DescMessage, message: Message, levels: number, registry: Registry): boolean {
  for (const number of new Set(message.$unknown?.map(({ no }) => no))) {
    const extension = registry.getExtensionFor(desc, number);
    if (!extension) continue;
    const value = orNothing(() => getExtension(message, extension));
    if (value !== undefined && isFieldDeeper(extension, value, levels, registry)) return true;
  }
  return false;
}

function isFieldDeeper(field: DescField | DescExtension, value: unknown, levels: number, registry: Registry): boolean {
  if (field.fieldKind !== "list" && field.fieldKind !== "map") return isItemDeeper(field, value, levels, registry);
  if (levels >= 1 && (!field.message || mostLevels(field.message) < levels)) return false;
  const items: unknown[] = Array.isArray(value) ? value : Object.values(Object(value));
  if (levels < 1) return items.length > 0;
  return items.some((item) => isItemDeeper(field, item, levels - 1, registry));
}

function isItemDeeper(
  { message: desc, parent }: DescField | DescExtension,
  item: unknown,
  levels: number,
  registry: Registry,
): boolean {
  if (!desc) return false;
  // The runtime keeps a Struct as JSON wherever it is a field, but for the field of Value.
  if (desc.typeName === "google.protobuf.Struct" && parent?.typeName !== "google.protobuf.Value")
    return isJsonDeeper(item as JsonValue, levels);
  return isDeeper(desc, item as Message, levels, registry);
}

function isStructDeeper({ fields }: Struct, levels: number): boolean {
  return levels < 1 || Object.values(fields).some((value) => isValueDeeper(value, levels - 1));
}

function isListDeeper({ values }: ListValue, levels: number): boolean {
  return levels < 1 || values.some((value) => isValueDeeper(value, levels - 1));
}

function isValueDeeper({ kind }: Value, levels: number): boolean {
  if (kind.case === "structValue") return isStructDeeper(kind.value, levels);
  return kind.case === "listValue" && isListDeeper(kind.value, levels);
}

function isJsonDeeper(json: JsonValue, levels: number): boolean {
  if (typeof json !== "object" || json === null) return false;
  return levels < 1 || Object.values(json).some((value) => isJsonDeeper(value, levels - 1));
}

/** The value of a field as the runtime keeps it: a member of the message, or of its oneof. */
function memberOf(message: Message, { localName, oneof }: DescField): unknown {
  if (!oneof) return Reflect.get(message, localName);
  const chosen = Reflect.get(message, oneof.localName) as { readonly case?: string; readonly value?: unknown };
  return chosen.case === localName ? chosen.value : undefined;
}

/** Undefined for what cannot be decoded, which has no JSON either. */
function orNothing<T>(decode: () => T): T | undefined {
  try {
    return decode();
  } catch {
    return undefined;
  }
}

const mostLevelsByMessage = new WeakMap<DescMessage, number>();

/** The most levels that the JSON of a type can have. Infinity: it can hold itself, any type, or extensions. */
function mostLevels(desc: DescMessage): number {
  const known = mostLevelsByMessage.get(desc);
  if (known !== undefined) return known;
  // This is what a type that is met again on the way down is taken for.
  mostLevelsByMessage.set(desc, Number.POSITIVE_INFINITY);
  const levels = countLevels(desc);
  mostLevelsByMessage.set(desc, levels);
  return levels;
}

function countLevels(desc: DescMessage): number {
  if (isText(desc)) return 0;
  if (standsUnderValue(desc) || isExtensible(desc)) return Number.POSITIVE_INFINITY;
  return desc.fields.reduce((most, field) => {
    const own = field.fieldKind === "list" || field.fieldKind === "map" ? 2 : 1;
    return Math.max(most, own + (field.message ? mostLevels(field.message) : 0));
  }, 1);
}

function isExtensible({ proto }: DescMessage): boolean {
  return proto.extensionRange.length > 0;
}

/** Types whose JSON is a text, a number or a boolean. */
function isText(desc: DescMessage): boolean {
  return /^google\.protobuf\.(Timestamp|Duration|FieldMask)$/.test(desc.typeName) || isWrapperDesc(desc);
}

/** Types with a special JSON form, which stands in the member `value` of an `Any`. */
export function standsUnderValue(desc: DescMessage): boolean {
  return /^google\.protobuf\.(Any|Struct|Value|ListValue)$/.test(desc.typeName) || isText(desc);
}
