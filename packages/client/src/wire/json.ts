import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import type { MessagePayload, PayloadConverter } from "../payload.js";
import { base64Decode, base64Encode } from "./base64.js";
import { isJsonObject, payloadFromJson, payloadJson, payloadMember } from "./payloads.js";
import { type Decoded, defaultOf, type FieldType, fieldNumber, type Init, planOf, type Table } from "./table.js";

// proto3 JSON (protobuf.dev/programming-guides/json), driven by tables.

/** Read a message as our servers write it. Unknown fields are ignored. @throws Error: a value does not fit its field. */
export function decodeJson<T extends Table>(table: T, json: JsonValue): Decoded<T> {
  if (!isJsonObject(json)) throw new Error("must be an object");
  const { fields, empty } = planOf(table);
  const message = empty();
  for (const { name, type, isMany } of fields) {
    const value = json[name];
    if (value === undefined || value === null) continue;
    if (!isMany) message[name] = readValue(type, value);
    else if (Array.isArray(value)) message[name] = value.map((each) => readValue(type, each));
    else throw new Error(`${name}: must be a list`);
  }
  return message as Decoded<T>;
}

function readValue(type: FieldType, value: JsonValue): unknown {
  switch (type) {
    case "string":
      return fitting(typeof value === "string", value);
    case "bytes":
      return base64Decode(String(value));
    case "bool":
      return fitting(typeof value === "boolean", value);
    case "int32":
    case "uint32":
    case "fixed32":
    case "uint64":
      // 64-bit numbers are strings, and any may be.
      return fitting(/^-?[0-9]+$/.test(String(value)), Number(value));
    case "timestamp": {
      const date = new Date(String(value));
      return fitting(!Number.isNaN(date.getTime()), date);
    }
    case "duration":
      return Math.round(fitting(/^-?[0-9.]+s$/.test(String(value)), Number.parseFloat(String(value))) * 1_000);
    case "any":
      if (!isJsonObject(value)) throw new Error("a payload is an object");
      return payloadFromJson(value);
    default:
      return decodeJson(type, value);
  }
}

function fitting<T>(fits: boolean, value: T): T {
  if (!fits) throw new Error(`${JSON.stringify(value)} does not fit its field`);
  return value;
}

/** A message as proto3 JSON. */
export function encodeJson<T extends Table>(table: T, message: Init<T>, types: PayloadConverter): JsonObject {
  const json: JsonObject = {};
  for (const { name, type, isMany } of planOf(table).fields) {
    const value = message[name] as unknown;
    if (isMany) {
      const values = (value as unknown[] | undefined) ?? [];
      if (values.length > 0) json[name] = values.map((each) => jsonOf(type, each, types));
    } else if (type === "any" && value !== undefined) {
      // Of a type that is not known it goes to a field of another name.
      Object.assign(json, payloadMember(value as MessagePayload, types));
    } else if (value !== undefined && !isDefault(type, value)) json[name] = jsonOf(type, value, types);
  }
  return json;
}

function isDefault(type: FieldType, value: unknown): boolean {
  return type === "bytes" ? (value as Uint8Array).length === 0 : value === defaultOf(type);
}

function jsonOf(type: FieldType, value: unknown, types: PayloadConverter): JsonValue {
  switch (type) {
    case "string":
      // Half a surrogate pair has no UTF-8; Protobuf writes this for it too.
      return (value as string).replace(/\p{Surrogate}/gu, "\ufffd");
    case "bool":
      return value as boolean;
    case "int32":
    case "uint32":
    case "fixed32":
      return fieldNumber(type, value);
    case "uint64":
      return String(fieldNumber(type, value));
    case "bytes":
      return base64Encode(value as Uint8Array);
    case "timestamp":
      return (value as Date).toISOString().replace(".000Z", "Z");
    case "duration":
      return secondsText(value as number);
    case "any":
      return payloadJson(value as MessagePayload, types);
    default:
      return encodeJson(type, value as Init<Table>, types);
  }
}

/** In three digits after the point where there are any, as other writers of proto3 JSON do. */
function secondsText(ms: number): string {
  return ms % 1_000 === 0 ? `${ms / 1_000}s` : `${(ms / 1_000).toFixed(3)}s`;
}
