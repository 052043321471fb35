import type { DescField, DescMessage, JsonValue, Registry } from "@bufbuild/protobuf";
import { ScalarType } from "@bufbuild/protobuf";
import { ConfabError } from "./errors.js";

/** Base64 as proto3 JSON allows it for `bytes`: either alphabet, with or without padding (protobuf.dev/programming-guides/json). */
const base64Shape = /^(?:[A-Za-z0-9+/]*|[A-Za-z0-9_-]*)={0,2}$/;

/**
 * Refuse JSON whose `bytes` fields are not base64. The reader of the Protobuf runtime skips white space and padding
 * anywhere, so that it reads "hello world" as base64 and returns eight bytes that the sender did not mean.
 *
 * `json` has been read as `desc` already, so its depth is bounded and its values have the right JSON types.
 *
 * @throws MALFORMED_MESSAGE with the field's name.
 */
export function checkJsonBytes(desc: DescMessage, json: JsonValue, registry: Registry): void {
  if (desc.typeName === "google.protobuf.BytesValue") {
    checkBase64("value", json);
    return;
  }
  if (!isObject(json)) return;
  if (desc.typeName === "google.protobuf.Any") {
    const typeUrl = String(json["@type"] ?? "");
    const inner = registry.getMessage(typeUrl.slice(typeUrl.lastIndexOf("/") + 1));
    // Types of this package have a special JSON form, which stands under "value".
    if (inner?.file.proto.package === "google.protobuf") checkJsonBytes(inner, json["value"] ?? null, registry);
    else if (inner) checkJsonBytes(inner, json, registry);
    return;
  }
  for (const field of desc.fields) {
    for (const name of new Set([field.jsonName, field.name])) {
      const value = json[name];
      if (value !== undefined && value !== null) checkField(field, value, registry);
    }
  }
}

function checkField(field: DescField, value: JsonValue, registry: Registry): void {
  const values = field.fieldKind === "list" || field.fieldKind === "map" ? Object.values(Object(value)) : [value];
  for (const each of values as JsonValue[]) {
    if (field.message) checkJsonBytes(field.message, each, registry);
    else if (field.scalar === ScalarType.BYTES) checkBase64(field.name, each);
  }
}

function checkBase64(name: string, value: JsonValue): void {
  if (value === null) return;
  const text = String(value);
  // Padding, if there is any, completes the last group of four.
  const isWhole = text.endsWith("=") ? text.length % 4 === 0 : text.length % 4 !== 1;
  if (!isWhole || !base64Shape.test(text)) throw new ConfabError("MALFORMED_MESSAGE", `${name} is not base64`);
}

function isObject(json: JsonValue): json is { [name: string]: JsonValue } {
  return typeof json === "object" && json !== null && !Array.isArray(json);
}
