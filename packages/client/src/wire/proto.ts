import { varintLength, writeVarint } from "@confab/contract";
import { WireReader } from "@confab/contract/wire";
import type { MessagePayload } from "../link.js";
import { encodedPayload, type PayloadConverter } from "./payloads.js";
import { type Decoded, emptyOf, type Field, type FieldType, fieldNumber, type Init, type Table } from "./table.js";

// The Protobuf wire format (protobuf.dev/programming-guides/encoding), driven by tables.

/** Wire types: of a varint, of what has its length in front, of four bytes. */
const [varintType, lengthType, fixed32Type] = [0, 2, 5] as const;

const seconds = { seconds: [1, "uint64"], nanos: [2, "int32"] } as const satisfies Table;

const anyTable = { typeUrl: [1, "string"], value: [2, "bytes"] } as const satisfies Table;

/**
 * Decode a message. Unknown fields are ignored; a field that comes twice takes its last value. Bytes are views.
 *
 * @throws MALFORMED_MESSAGE: the bytes are no Protobuf, or a string is no UTF-8.
 */
export function decodeProto<T extends Table>(table: T, bytes: Uint8Array): Decoded<T> {
  const reader = new WireReader(bytes);
  const message = emptyOf(table);
  const fields = fieldsOf(table);
  while (reader.at < reader.end) {
    const tag = reader.tag();
    const field = fields.get(tag);
    if (!field) {
      reader.skipField(tag);
      continue;
    }
    const value = readValue(reader, field.type);
    if (field.isMany) (message[field.name] as unknown[]).push(value);
    else message[field.name] = value;
  }
  return message as Decoded<T>;
}

interface KnownField {
  readonly name: string;
  readonly type: FieldType;
  readonly isMany: boolean;
}

/** The fields of each table by their tags, made once: messages come by the thousand. */
const fieldsByTable = new WeakMap<Table, Map<number, KnownField>>();

function fieldsOf(table: Table): Map<number, KnownField> {
  const known = fieldsByTable.get(table);
  if (known) return known;
  const fields = new Map<number, KnownField>();
  for (const [name, field] of Object.entries(table))
    fields.set(tagOf(field), { name, type: field[1], isMany: field[2] !== undefined });
  fieldsByTable.set(table, fields);
  return fields;
}

function tagOf([number, type]: Field): number {
  return number * 8 + wireTypeOf(type);
}

function wireTypeOf(type: FieldType): number {
  switch (type) {
    case "bool":
    case "int32":
    case "uint32":
    case "uint64":
      return varintType;
    case "fixed32":
      return fixed32Type;
    default:
      return lengthType;
  }
}

function readValue(reader: WireReader, type: FieldType): unknown {
  switch (type) {
    case "string":
      return reader.string();
    case "bytes":
      return reader.bytesField();
    case "bool":
      return reader.varint() !== 0;
    case "int32":
      // Negative ones come as 64 bits; the low 32 of those may have lost precision, and no error's status is negative.
      return reader.varint() | 0;
    case "uint32":
    case "uint64":
      return reader.varint();
    case "fixed32":
      return reader.fixed32();
    case "timestamp":
      return new Date(milliseconds(reader.bytesField()));
    case "duration":
      return milliseconds(reader.bytesField());
    case "any":
      return decodeProto(anyTable, reader.bytesField());
    default:
      return decodeProto(type, reader.bytesField());
  }
}

/** Timestamps and durations look alike: seconds and nanoseconds. */
function milliseconds(bytes: Uint8Array): number {
  const { seconds: whole, nanos } = decodeProto(seconds, bytes);
  return whole * 1_000 + Math.floor(nanos / 1_000_000);
}

/** Encode a message. @throws MALFORMED_MESSAGE: a payload that is JSON cannot be encoded. */
export function encodeProto<T extends Table>(
  table: T,
  message: Init<T>,
  types: PayloadConverter,
): Uint8Array<ArrayBuffer> {
  const parts: Uint8Array[] = [];
  let length = 0;
  for (const [name, field] of Object.entries(table)) {
    const value = message[name] as unknown;
    for (const each of field[2] ? ((value as unknown[] | undefined) ?? []) : [value]) {
      const part = fieldBytes(field, each, types);
      parts.push(part);
      length += part.length;
    }
  }
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

const utf8 = new TextEncoder();

const noBytes = new Uint8Array(0);

/** A field with its tag; nothing if it need not be sent. */
function fieldBytes(field: Field, value: unknown, types: PayloadConverter): Uint8Array {
  if (value === undefined) return noBytes;
  const [, type, many] = field;
  const tag = tagOf(field);
  switch (type) {
    case "string":
      // The platform's encoder, because texts of applications may hold half a surrogate pair: it writes U+FFFD for that.
      return value === "" && !many ? noBytes : embedded(tag, utf8.encode(value as string));
    case "bool":
    case "int32":
    case "uint32":
    case "uint64": {
      const number = type === "bool" ? Number(value === true) : fieldNumber(type, value);
      if (number === 0 && !many) return noBytes;
      const bytes = new Uint8Array(varintLength(tag) + varintLength(number));
      writeVarint(bytes, writeVarint(bytes, 0, tag), number);
      return bytes;
    }
    case "fixed32": {
      const bytes = new Uint8Array(varintLength(tag) + 4);
      const at = writeVarint(bytes, 0, tag);
      new DataView(bytes.buffer).setUint32(at, fieldNumber(type, value), true);
      return value === 0 && !many ? noBytes : bytes;
    }
    case "bytes":
      return (value as Uint8Array).length === 0 && !many ? noBytes : embedded(tag, value as Uint8Array);
    case "timestamp":
    case "duration":
      return embedded(tag, encodeProto(seconds, secondsOf(Number(value)), types));
    case "any":
      return embedded(tag, encodeProto(anyTable, encodedPayload(value as MessagePayload, types), types));
    default:
      return embedded(tag, encodeProto(type, value as Init<Table>, types));
  }
}

function secondsOf(ms: number) {
  const whole = Math.floor(ms / 1_000);
  return { seconds: whole, nanos: Math.round((ms - whole * 1_000) * 1_000_000) };
}

function embedded(tag: number, content: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(varintLength(tag) + varintLength(content.length) + content.length);
  bytes.set(content, writeVarint(bytes, writeVarint(bytes, 0, tag), content.length));
  return bytes;
}
