import { utf8Encoder, varintLength, writeVarint } from "@confab/contract";
import { WireReader } from "@confab/contract/wire";
import type { MessagePayload, PayloadConverter } from "../payload.js";
import { encodedPayload } from "./payloads.js";
import { type Decoded, type FieldType, fieldNumber, type Init, type KnownField, planOf, type Table } from "./table.js";

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
  return readMessage(table, new WireReader(bytes));
}

/** The message that ends where the reader does. */
function readMessage<T extends Table>(table: T, reader: WireReader): Decoded<T> {
  const message = planOf(table).empty();
  const fields = fieldsByTag(table);
  while (reader.at < reader.end) {
    const tag = reader.tag();
    const field = fields[tag];
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

/** The message that begins here with its length. */
function readEmbedded<T extends Table>(table: T, reader: WireReader): Decoded<T> {
  const outerEnd = reader.end;
  const length = reader.varint();
  reader.at = reader.skip(length);
  reader.end = reader.at + length;
  const message = readMessage(table, reader);
  reader.end = outerEnd;
  return message;
}

const fieldsByTable = new WeakMap<Table, readonly (KnownField | undefined)[]>();

function fieldsByTag(table: Table): readonly (KnownField | undefined)[] {
  const known = fieldsByTable.get(table);
  if (known) return known;
  const fields: (KnownField | undefined)[] = [];
  for (const field of planOf(table).fields) fields[tagOf(field)] = field;
  fieldsByTable.set(table, fields);
  return fields;
}

function tagOf({ number, type }: KnownField): number {
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
      return new Date(milliseconds(reader));
    case "duration":
      return milliseconds(reader);
    case "any":
      return readEmbedded(anyTable, reader);
    default:
      return readEmbedded(type, reader);
  }
}

/** Timestamps and durations look alike: seconds and nanoseconds. */
function milliseconds(reader: WireReader): number {
  const { seconds: whole, nanos } = readEmbedded(seconds, reader);
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
  for (const field of planOf(table).fields) {
    const value = message[field.name] as unknown;
    for (const each of field.isMany ? ((value as unknown[] | undefined) ?? []) : [value]) {
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

const noBytes = new Uint8Array(0);

/** A field with its tag; nothing if it need not be sent. */
function fieldBytes(field: KnownField, value: unknown, types: PayloadConverter): Uint8Array {
  if (value === undefined) return noBytes;
  const { type, isMany } = field;
  const tag = tagOf(field);
  switch (type) {
    case "string":
      // The platform's encoder, because texts of applications may hold half a surrogate pair: it writes U+FFFD for that.
      return value === "" && !isMany ? noBytes : embedded(tag, utf8Encoder().encode(value as string));
    case "bool":
    case "int32":
    case "uint32":
    case "uint64": {
      const number = type === "bool" ? Number(value === true) : fieldNumber(type, value);
      if (number === 0 && !isMany) return noBytes;
      const bytes = new Uint8Array(varintLength(tag) + varintLength(number));
      writeVarint(bytes, writeVarint(bytes, 0, tag), number);
      return bytes;
    }
    case "fixed32": {
      const bytes = new Uint8Array(varintLength(tag) + 4);
      const at = writeVarint(bytes, 0, tag);
      new DataView(bytes.buffer).setUint32(at, fieldNumber(type, value), true);
      return value === 0 && !isMany ? noBytes : bytes;
    }
    case "bytes":
      return (value as Uint8Array).length === 0 && !isMany ? noBytes : embedded(tag, value as Uint8Array);
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
