import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import { type Payload, PayloadTypes } from "@confab/contract";
import type { MessagePayload } from "../link.js";

/** The types of links that were given none. */
export const ownTypesOnly = PayloadTypes.none();

/** @throws MALFORMED_MESSAGE: it is JSON of a type that `types` does not hold, so it cannot be encoded. */
export function encodedPayload(payload: MessagePayload, types: PayloadTypes): Payload {
  return "value" in payload ? payload : types.fromJson({ ...payload.json, "@type": payload.typeUrl });
}

/** A payload as proto3 JSON writes it, with its `@type`. */
export function payloadJson(payload: MessagePayload, types: PayloadTypes = ownTypesOnly): JsonValue {
  return "value" in payload ? types.toJson(payload) : { "@type": payload.typeUrl, ...payload.json };
}

/** The payload in a message that came as JSON. */
export function payloadFromJson(json: JsonValue | undefined): MessagePayload | undefined {
  if (!isJsonObject(json)) return undefined;
  const { "@type": typeUrl, ...rest } = json;
  return { typeUrl: typeof typeUrl === "string" ? typeUrl : "", json: rest };
}

export function isJsonObject(json: JsonValue | undefined): json is JsonObject {
  return typeof json === "object" && json !== null && !Array.isArray(json);
}
