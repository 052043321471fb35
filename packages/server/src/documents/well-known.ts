import type { JsonSchema } from "./schema.js";

/** The JSON forms of google.protobuf's well-known types (protobuf.dev/programming-guides/json), `Any` aside. */
export const wellKnown: Readonly<Record<string, JsonSchema>> = {
  "google.protobuf.Timestamp": { type: "string", format: "date-time" },
  "google.protobuf.Duration": { type: "string", pattern: "^-?[0-9]+(\\.[0-9]{1,9})?s$" },
  "google.protobuf.FieldMask": { type: "string" },
  "google.protobuf.Struct": { type: "object" },
  "google.protobuf.Value": {},
  "google.protobuf.ListValue": { type: "array" },
  "google.protobuf.StringValue": { type: "string" },
  "google.protobuf.BytesValue": { type: "string", contentEncoding: "base64" },
  "google.protobuf.BoolValue": { type: "boolean" },
  "google.protobuf.DoubleValue": { type: ["number", "string"] },
  "google.protobuf.FloatValue": { type: ["number", "string"] },
  "google.protobuf.Int32Value": { type: ["integer", "string"], pattern: "^-?[0-9]+$" },
  "google.protobuf.Int64Value": { type: ["integer", "string"], pattern: "^-?[0-9]+$" },
  "google.protobuf.UInt32Value": { type: ["integer", "string"], minimum: 0, pattern: "^[0-9]+$" },
  "google.protobuf.UInt64Value": { type: ["integer", "string"], minimum: 0, pattern: "^[0-9]+$" },
};

/** Those whose JSON an `Any` has under `value`. A Struct, a Value or an Any may also be left out, and is empty then. */
export const isOptionalInAny: ReadonlySet<string> = new Set([
  "google.protobuf.Struct",
  "google.protobuf.Value",
  "google.protobuf.Any",
]);
