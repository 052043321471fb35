import type { DescEnum, DescField, DescMessage, DescOneof } from "@bufbuild/protobuf";
import { getOption, ScalarType } from "@bufbuild/protobuf";
import * as validate from "@bufbuild/protovalidate/gen/buf/validate/validate_pb.js";
import { errorKinds } from "@confab/contract";
import { PositionSchema } from "@confab/contract/gen/confab/v1/message_pb";
import { constraintsOf, isNeverEmpty } from "./constraints.js";

/** A JSON Schema of draft 2020-12, kept to what draft-07 has too, so that AsyncAPI takes it as OpenAPI does. */
export type JsonSchema = { readonly [keyword: string]: unknown };

/** The text form of a position, where URLs and headers carry one. */
export const positionTextSchema: JsonSchema = {
  type: "string",
  pattern: "^[1-9][0-9]{0,9}:(0|[1-9][0-9]{0,15})$",
  description: "A position as text, `epoch:offset`. Opaque: give back what the server gave.",
};

/**
 * The messages of the contract in proto3 JSON as JSON Schemas, each under its Protobuf name. Whatever a message refers to
 * comes along.
 */
export class SchemaSet {
  private readonly schemas = new Map<string, JsonSchema>();

  /** A reference to a message's schema. */
  ref(message: DescMessage): JsonSchema {
    if (!this.schemas.has(message.typeName)) {
      // Before its fields are looked at: a message may hold itself.
      this.schemas.set(message.typeName, {});
      this.schemas.set(message.typeName, this.schemaOf(message));
    }
    return { $ref: `#/components/schemas/${message.typeName}` };
  }

  /** All that was referred to, by Protobuf name. */
  all(): Readonly<Record<string, JsonSchema>> {
    return Object.fromEntries([...this.schemas].sort(([a], [b]) => (a < b ? -1 : 1)));
  }

  /** The schema of one field's value. */
  field(field: DescField): JsonSchema {
    switch (field.fieldKind) {
      case "list":
        return { type: "array", items: this.value(field) };
      case "map":
        return { type: "object", additionalProperties: this.value(field) };
      default:
        return this.value(field);
    }
  }

  /** The schema of one field where a URL carries it. */
  parameter(field: DescField): JsonSchema {
    return field.message?.typeName === PositionSchema.typeName ? positionTextSchema : this.field(field);
  }

  private value(field: DescField): JsonSchema {
    if (field.message) return wellKnown[field.message.typeName] ?? this.ref(field.message);
    if (field.enum) return enumSchema(field.enum);
    return {
      ...scalarSchema(field.scalar),
      ...constraintsOf(field),
      ...known[`${field.parent.typeName}.${field.name}`],
    };
  }

  private schemaOf(message: DescMessage): JsonSchema {
    const properties = Object.fromEntries(message.fields.map((field) => [field.jsonName, this.field(field)]));
    const required = message.fields.filter(isNeverEmpty).map(({ jsonName }) => jsonName);
    const rules = getOption(message, validate.message).cel.map(({ message }) => message);
    const choices = message.oneofs.filter((oneof) => getOption(oneof, validate.oneof).required).map(choiceOf);
    return {
      type: "object",
      properties,
      ...(required.length > 0 && { required }),
      ...(rules.length > 0 && { description: rules.join("; ") }),
      ...(choices.length > 0 && { allOf: choices }),
    };
  }
}

/** Exactly one member of a oneof. */
function choiceOf({ fields }: DescOneof): JsonSchema {
  return { oneOf: fields.map(({ jsonName }) => ({ required: [jsonName] })) };
}

function enumSchema({ values }: DescEnum): JsonSchema {
  return { type: "string", enum: values.map(({ name }) => name) };
}

/** What the server writes (protobuf.dev/programming-guides/json). It reads numbers as text too, and 64-bit ones as numbers. */
function scalarSchema(scalar: ScalarType | undefined): JsonSchema {
  switch (scalar) {
    case ScalarType.BOOL:
      return { type: "boolean" };
    case ScalarType.STRING:
      return { type: "string" };
    case ScalarType.BYTES:
      return { type: "string", contentEncoding: "base64" };
    case ScalarType.DOUBLE:
    case ScalarType.FLOAT:
      return { type: "number" };
    case ScalarType.INT32:
    case ScalarType.SINT32:
    case ScalarType.SFIXED32:
      return { type: "integer", minimum: -(2 ** 31), maximum: 2 ** 31 - 1 };
    case ScalarType.UINT32:
    case ScalarType.FIXED32:
      return { type: "integer", minimum: 0, maximum: 2 ** 32 - 1 };
    case ScalarType.UINT64:
    case ScalarType.FIXED64:
      return { type: "string", pattern: "^[0-9]+$" };
    case ScalarType.INT64:
    case ScalarType.SINT64:
    case ScalarType.SFIXED64:
      return { type: "string", pattern: "^-?[0-9]+$" };
    case undefined:
      return {};
    default:
      return scalar satisfies never;
  }
}

/** Messages that have a JSON form of their own. */
const wellKnown: Readonly<Record<string, JsonSchema>> = {
  "google.protobuf.Timestamp": { type: "string", format: "date-time" },
  "google.protobuf.Duration": { type: "string", pattern: "^-?[0-9]+(\\.[0-9]{1,9})?s$" },
  "google.protobuf.Any": {
    type: "object",
    required: ["@type"],
    properties: { "@type": { type: "string" } },
    description: "A message of a registered type, or `@type` and base64 in `value`",
  },
};

/** What is known of a field beyond its type and constraints, by its full name. */
const known: Readonly<Record<string, JsonSchema>> = {
  "confab.v1.Error.code": { enum: Object.keys(errorKinds) },
};
