import type { DescMessage } from "@bufbuild/protobuf";
import { getOption } from "@bufbuild/protobuf";
import * as validate from "@bufbuild/protovalidate/gen/buf/validate/validate_pb.js";
import type { JsonSchema } from "./schema.js";

// The rules of the contract that look at several fields are expressions in CEL, which JSON Schema has no keyword for. Each
// stands here once more as a schema; a test fails for a rule that does not.

/** Each rule as a schema, by its id. */
const schemas: { readonly [id: string]: (message: DescMessage) => JsonSchema } = {
  "message.content": (message) => ({
    anyOf: [
      { type: "object", required: ["text"], properties: { text: { type: "string", minLength: 1 } } },
      isSet(message, "payload"),
      isSet(message, "encoded_payload"),
      { type: "object", required: ["deleted"], properties: { deleted: { const: true } } },
      isSet(message, "change"),
    ],
  }),
  // The schema is that of received messages too: these two stand in words only.
  "message.deleted": () => ({}),
  "message.change": () => ({}),
  "edit.content": (message) => ({
    anyOf: [
      { type: "object", required: ["text"], properties: { text: { type: "string", minLength: 1 } } },
      isSet(message, "payload"),
      isSet(message, "encoded_payload"),
    ],
  }),
  "edit.one_payload": (message) => notBoth(message, "payload", "encoded_payload"),
  "edit.position": (message) => isSet(message, "position"),
  "delete.position": (message) => isSet(message, "position"),
  "react.position": (message) => isSet(message, "position"),
  "mark_read.position": (message) => isSet(message, "position"),
  "publish.message": (message) => isSet(message, "message"),
  // Of a field of a field: the rule stands in words only.
  "publish.room": () => ({}),
  "erase.position": (message) => isSet(message, "position"),
  "room_position.position": (message) => isSet(message, "position"),
  "disconnect.target": () => ({ oneOf: [hasText("user"), hasText("connection")] }),
  // A schema cannot compare times: the rule stands in words only.
  "retention.max_age": () => ({}),
  "message.one_payload": (message) => notBoth(message, "payload", "encoded_payload"),
  // Empty is allowed beside the other one: in words only.
  "unsubscribe.one": () => ({}),
  // A schema cannot compare two values: the rule stands in words only.
  "batch.one_room": () => ({}),
  "signal.one_payload": (message) => notBoth(message, "payload", "encoded_payload"),
  "history.cursor": (message) => notBoth(message, "after", "before"),
  "history.folded": (message) => ({ not: { allOf: [isTrue(message, "folded"), isTrue(message, "changes")] } }),
  "user.filter": (message) => ({ not: { allOf: [isSet(message, "filter"), isTrue(message, "changes")] } }),
  "history.filter": (message) => ({ not: { allOf: [isSet(message, "filter"), isTrue(message, "changes")] } }),
  "user.start": (message) => ({
    not: {
      allOf: [
        isSet(message, "after"),
        { type: "object", required: ["history"], properties: { history: { not: { enum: [0, "0", null] } } } },
      ],
    },
  }),
};

/** What the rules of a message ask, in words, and as schemas where there is one. */
export function crossFieldRules(message: DescMessage): { readonly words: string[]; readonly schemas: JsonSchema[] } {
  const rules = getOption(message, validate.message).cel;
  return {
    words: rules.map(({ id, message: words }) => words || id),
    schemas: rules.map(({ id }) => schemas[id]?.(message)).filter((schema) => schema !== undefined),
  };
}

function hasText(fieldName: string): JsonSchema {
  return { type: "object", required: [fieldName], properties: { [fieldName]: { type: "string", minLength: 1 } } };
}

function notBoth(message: DescMessage, one: string, other: string): JsonSchema {
  return { not: { allOf: [isSet(message, one), isSet(message, other)] } };
}

/** A field of type bool is set. */
function isTrue(message: DescMessage, fieldName: string): JsonSchema {
  const field = message.fields.find(({ name }) => name === fieldName);
  if (!field) throw new Error(`${message.typeName} has no field ${fieldName}`);
  return { type: "object", required: [fieldName], properties: { [fieldName]: { const: true } } };
}

/** A field is there, by either of its names, and is not null, which is the same as absent (proto3 JSON). */
export function isSet(message: DescMessage, fieldName: string): JsonSchema {
  const field = message.fields.find(({ name }) => name === fieldName);
  if (!field) throw new Error(`${message.typeName} has no field ${fieldName}`);
  const [first, ...rest] = [...new Set([field.jsonName, field.name])].map((name) => ({
    type: "object",
    required: [name],
    properties: { [name]: { not: { type: "null" } } },
  }));
  return rest.length === 0 && first ? first : { anyOf: [first, ...rest] };
}
