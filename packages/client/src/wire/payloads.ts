import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import { ConfabError, type Payload } from "@confab/contract";
import type { MessagePayload, PayloadConverter } from "../payload.js";
import { base64Decode, base64Encode } from "./base64.js";

/** The converter of links that were given none: payloads stay as they are. */
export const untouchedPayloads: PayloadConverter = {
  toJson: ({ typeUrl, value }) => ({ "@type": typeUrl, value: base64Encode(value) }),
  fromJson: ({ "@type": typeUrl, value, ...fields }) => {
    if (typeof typeUrl === "string" && typeof value === "string" && Object.keys(fields).length === 0)
      return { typeUrl, value: base64Decode(value) };
    const message = `payload: type ${String(typeUrl)} is not among the client's types, so it cannot be encoded`;
    throw new ConfabError("MALFORMED_MESSAGE", message);
  },
};

/** @throws MALFORMED_MESSAGE: it is JSON of a type that `types` does not know, so it cannot be encoded. */
export function encodedPayload(payload: MessagePayload, types: PayloadConverter): Payload {
  return "value" in payload ? payload : types.fromJson({ ...payload.json, "@type": payload.typeUrl });
}

/** A payload as proto3 JSON writes it, with its `@type`. */
export function payloadJson(payload: MessagePayload, types: PayloadConverter = untouchedPayloads): JsonValue {
  return "value" in payload ? types.toJson(payload) : { "@type": payload.typeUrl, ...payload.json };
}

/** The payload in a message that came as JSON. */
export function payloadFromJson(json: JsonObject): MessagePayload {
  const { "@type": typeUrl, ...rest } = json;
  return { typeUrl: typeof typeUrl === "string" ? typeUrl : "", json: rest };
}

export function isJsonObject(json: JsonValue | undefined): json is JsonObject {
  return typeof json === "object" && json !== null && !Array.isArray(json);
}
