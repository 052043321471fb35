import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import type { Payload } from "@confab/contract";

/**
 * A message of your own type in a message. It comes encoded on Protobuf transports and, if the server knows the type, as
 * JSON on the others.
 */
export type MessagePayload =
  | { readonly typeUrl: string; readonly value: Uint8Array }
  | { readonly typeUrl: string; readonly json: JsonObject };

/**
 * Converts payloads between their encoded form and JSON. `PayloadTypes` of `@confab/contract` does it for your own types; it
 * needs the Protobuf runtime.
 */
export interface PayloadConverter {
  /** The JSON of a payload, with its `@type`. Undefined: its type is not known; then it is sent encoded. */
  toJson(payload: Payload): JsonValue | undefined;
  /** @throws MALFORMED_MESSAGE: the type is not known, or the JSON does not fit it. */
  fromJson(json: JsonObject): Payload;
}
