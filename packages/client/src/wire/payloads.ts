import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import { ConfabError, checkPayloadForm, type Payload, payloadValueFromBase64 } from "@confab/contract";
import type { MessagePayload, PayloadConverter } from "../payload.js";
import { base64Encode } from "./base64.js";

/** The converter of links that were given none: payloads stay as they are. */
export const untouchedPayloads: PayloadConverter = {
  toJson: () => undefined,
  fromJson: ({ "@type": typeUrl, value = "", ...fields }) => {
    if (typeof typeUrl !== "string" || typeof value !== "string" || Object.keys(fields).length > 0) {
      const message = `payload: type ${String(typeUrl)} is not among the client's types, so it cannot be encoded`;
      throw new ConfabError("MALFORMED_MESSAGE", message);
    }
    const payload = { typeUrl, value: payloadValueFromBase64(value) };
    // The server would refuse it too; here the text may be a field of the application's own type.
    checkPayloadForm(payload);
    return payload;
  },
};

/** @throws MALFORMED_MESSAGE: it is JSON of a type that `types` does not know, so it cannot be encoded. */
export function encodedPayload(payload: MessagePayload, types: PayloadConverter): Payload {
  return "value" in payload ? payload : types.fromJson({ ...payload.json, "@type": payload.typeUrl });
}

/**
 * The member of a JSON message that holds its payload, as the contract has it: `payload` with its `@type`, or
 * `encodedPayload` for bytes of a type that `types` does not know.
 */
export function payloadMember(payload: MessagePayload, types: PayloadConverter = untouchedPayloads): JsonObject {
  if ("json" in payload) return { payload: { "@type": payload.typeUrl, ...payload.json } };
  const json = types.toJson(payload);
  if (json !== undefined) return { payload: json };
  return { encodedPayload: { typeUrl: payload.typeUrl, value: base64Encode(payload.value) } };
}

/** A payload as JSON, to show it: with its `@type`, or its `typeUrl` and `value` in base64. */
export function payloadJson(payload: MessagePayload, types: PayloadConverter = untouchedPayloads): JsonValue {
  const member = payloadMember(payload, types);
  return member["payload"] ?? member["encodedPayload"] ?? null;
}

/** The payload in a message that came as JSON. */
export function payloadFromJson(json: JsonObject): MessagePayload {
  const { "@type": typeUrl, ...rest } = json;
  return { typeUrl: typeof typeUrl === "string" ? typeUrl : "", json: rest };
}

export function isJsonObject(json: JsonValue | undefined): json is JsonObject {
  return typeof json === "object" && json !== null && !Array.isArray(json);
}
