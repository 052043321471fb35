import type { DescMessage, Registry } from "@bufbuild/protobuf";
import { EncodedPayloadSchema } from "@confab/contract/gen/confab/v1/message_pb";
import { constraintsOf } from "./constraints.js";
import type { JsonSchema } from "./schema.js";
import { isOptionalInAny, wellKnown } from "./well-known.js";

/** Standard base64 with padding (RFC 4648 §4), as payloads of types that the server does not know have it. */
export const strictBase64: JsonSchema = {
  type: "string",
  pattern: "^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/][AQgw]==|[A-Za-z0-9+/]{2}[AEIMQUYcgkosw048]=)?$",
  contentEncoding: "base64",
};

/** Types of these packages are registered where a descriptor set imports them; nothing else is said about them. */
const packagesWithoutDetails: ReadonlySet<string> = new Set(["buf.validate", "google.api", "google.protobuf"]);

/** An `Any` as the Protobuf runtime reads it: empty, or a message of a registered type. */
export function anySchema(registry: Registry, ref: (message: DescMessage) => JsonSchema): JsonSchema {
  const known = messagesOf(registry);
  return {
    type: "object",
    description: "A message of a type that the server knows, with its `@type`. Empty: no message.",
    anyOf: [
      { type: "object", maxProperties: 0 },
      { type: "object", required: ["@type"] },
    ],
    properties: { "@type": { type: "string", pattern: `(?:^|/)${oneOf(known)}$` } },
    allOf: known.flatMap((message) => {
      const form = jsonInAny(message, ref);
      return form ? [when(hasType(`(?:^|/)${oneOf([message])}$`), form)] : [];
    }),
  };
}

/** A payload: an `Any`, or the encoded form of a type that is not registered, or that its sender does not know. */
export function payloadSchema(registry: Registry, any: JsonSchema): JsonSchema {
  const known = messagesOf(registry);
  const typeUrl = EncodedPayloadSchema.fields.find(({ name }) => name === "type_url");
  const encoded: JsonSchema = {
    type: "object",
    properties: { "@type": { type: "string" }, value: strictBase64 },
    additionalProperties: false,
  };
  // A type that has a `value`, in its fields or by its JSON form, has that there.
  const withValue = known.filter(
    (message) =>
      message.file.proto.package === "google.protobuf" || message.fields.some(({ jsonName }) => jsonName === "value"),
  );
  const looksEncoded: JsonSchema = {
    type: "object",
    required: ["value"],
    maxProperties: 2,
    properties: {
      "@type": { type: "string", not: { type: "string", pattern: `/${oneOf(withValue)}$` } },
      value: { type: "string" },
    },
  };
  return {
    type: "object",
    required: ["@type"],
    properties: { "@type": { type: "string", ...(typeUrl && constraintsOf(typeUrl).keywords) } },
    allOf: [when(hasType(`/${oneOf(known)}$`), when(looksEncoded, encoded, any), encoded)],
  };
}

/** What fits the first schema also fits the second; what does not, fits the third. Draft-07's `if` in other words. */
function when(condition: JsonSchema, schema: JsonSchema, otherwise?: JsonSchema): JsonSchema {
  const implication = { anyOf: [{ not: condition }, schema] };
  return otherwise ? { allOf: [implication, { anyOf: [condition, otherwise] }] } : implication;
}

function messagesOf(registry: Registry): DescMessage[] {
  return [...registry].filter((type) => type.kind === "message").filter(({ proto }) => !proto.options?.mapEntry);
}

/** What an `Any` of this type holds beside `@type`. */
function jsonInAny(message: DescMessage, ref: (message: DescMessage) => JsonSchema): JsonSchema | undefined {
  const { typeName } = message;
  const isNested = typeName === "google.protobuf.Any";
  const form = isNested ? ref(message) : wellKnown[typeName];
  if (form) {
    return {
      type: "object",
      ...(!isOptionalInAny.has(typeName) && { required: ["value"] }),
      properties: { value: form },
    };
  }
  return packagesWithoutDetails.has(message.file.proto.package) ? undefined : ref(message);
}

function hasType(pattern: string): JsonSchema {
  return { type: "object", required: ["@type"], properties: { "@type": { type: "string", pattern } } };
}

function oneOf(messages: readonly DescMessage[]): string {
  return `(?:${messages.map(({ typeName }) => typeName.replaceAll(".", "[.]")).join("|")})`;
}
