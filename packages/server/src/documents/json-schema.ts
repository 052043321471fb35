import type { DescEnum, DescField, DescMessage, DescOneof, Registry } from "@bufbuild/protobuf";
import { getOption } from "@bufbuild/protobuf";
import * as validate from "@bufbuild/protovalidate/gen/buf/validate/validate_pb.js";
import { errorKinds } from "@confab/contract";
import { PositionSchema } from "@confab/contract/gen/confab/v1/message_pb";
import { commentOf } from "./comments.js";
import { constraintsOf, isNeverEmpty, listKeywords } from "./constraints.js";
import { crossFieldRules, isSet } from "./cross-field.js";
import { anySchema, payloadSchema, strictBase64 } from "./payload-schema.js";
import { scalarSchema } from "./scalars.js";
import type { JsonSchema } from "./schema.js";
import { wellKnown } from "./well-known.js";

/** The text form of a position, where URLs and headers carry one. */
export const positionTextSchema: JsonSchema = {
  type: "string",
  pattern: "^[1-9][0-9]{0,9}:(0|[1-9][0-9]{0,15})$",
  description: "A position as text, `epoch:offset`. Opaque: give back what the server gave.",
};

/**
 * The messages of the contract in proto3 JSON as JSON Schemas, each under its Protobuf name. What a message refers to
 * comes along. They describe what the server reads, of which what it writes is a part: null is the same as absent.
 */
export class SchemaSet {
  private readonly schemas = new Map<string, JsonSchema>();

  /** Payloads may be of the types of `registry`. */
  constructor(private readonly registry: Registry) {}

  /** A reference to a message's schema. */
  ref(message: DescMessage): JsonSchema {
    return this.named(message.typeName, () => {
      if (message.typeName === "google.protobuf.Any") return anySchema(this.registry, (each) => this.ref(each));
      return wellKnown[message.typeName] ?? this.schemaOf(message);
    });
  }

  /** All that was referred to, by Protobuf name. */
  all(): Readonly<Record<string, JsonSchema>> {
    return Object.fromEntries([...this.schemas].sort(([a], [b]) => (a < b ? -1 : 1)));
  }

  /** The schema of one field in a message. */
  field(field: DescField): JsonSchema {
    const schema = this.whole(field);
    const { words } = constraintsOf(field);
    const text = [commentOf(field), ...words].filter((each) => each !== "").join("\n\n");
    return { ...(isNeverEmpty(field) ? schema : orNull(schema)), ...(text !== "" && { description: text }) };
  }

  /** The schema of one field where a URL carries it: always text, so only the form that one would write counts. */
  parameter(field: DescField): JsonSchema {
    if (field.message?.typeName === PositionSchema.typeName) return positionTextSchema;
    const schema = this.whole(field);
    if (!Array.isArray(schema["type"])) return schema;
    const { pattern: _, ...rest } = schema;
    return { ...rest, type: schema["type"][0] };
  }

  private whole(field: DescField): JsonSchema {
    switch (field.fieldKind) {
      case "list":
        return { type: "array", items: this.value(field), ...listKeywords(field) };
      case "map":
        return { type: "object", additionalProperties: this.value(field) };
      default:
        return this.value(field);
    }
  }

  private value(field: DescField): JsonSchema {
    if (isPayload(field)) return this.payload();
    if (field.message) return wellKnown[field.message.typeName] ?? this.ref(field.message);
    if (field.enum) return enumSchema(field.enum);
    const { keywords } = constraintsOf(field);
    return { ...scalarSchema(field.scalar), ...keywords, ...known[`${field.parent.typeName}.${field.name}`] };
  }

  private payload(): JsonSchema {
    const any = this.registry.getMessage("google.protobuf.Any");
    return any ? this.named("Payload", () => payloadSchema(this.registry, this.ref(any))) : {};
  }

  private named(name: string, make: () => JsonSchema): JsonSchema {
    if (!this.schemas.has(name)) {
      // Before its fields are looked at: a message may hold itself.
      this.schemas.set(name, {});
      this.schemas.set(name, make());
    }
    return { $ref: `#/components/schemas/${name}` };
  }

  private schemaOf(message: DescMessage): JsonSchema {
    const properties = Object.fromEntries(message.fields.map((field) => [field.jsonName, this.field(field)]));
    const required = message.fields.filter(isNeverEmpty).map(({ jsonName }) => jsonName);
    const rules = crossFieldRules(message);
    const all = [...message.oneofs.map(choiceOf), ...rules.schemas];
    const text = [commentOf(message), ...rules.words].filter((each) => each !== "").join("\n\n");
    return {
      type: "object",
      properties,
      ...(required.length > 0 && { required }),
      ...(text !== "" && { description: text }),
      ...(all.length > 0 && { allOf: all }),
    };
  }
}

/** The payloads of the contract are read by rules that other messages do not have. */
function isPayload({ name, parent, message }: DescField): boolean {
  return message?.typeName === "google.protobuf.Any" && name === "payload" && parent.typeName.startsWith("confab.v1.");
}

function orNull(schema: JsonSchema): JsonSchema {
  const { type } = schema;
  if (typeof type === "string" && !("enum" in schema)) return { ...schema, type: [type, "null"] };
  if (Array.isArray(type)) return { ...schema, type: [...type, "null"] };
  // Every value, null included.
  if (Object.keys(schema).length === 0) return schema;
  return { anyOf: [schema, { type: "null" }] };
}

/** Exactly one member of a oneof, or at most one. */
function choiceOf(oneof: DescOneof): JsonSchema {
  const members = oneof.fields.map(({ parent, name }) => isSet(parent, name));
  const isRequired = getOption(oneof, validate.oneof).required;
  return { oneOf: isRequired ? members : [...members, { not: { anyOf: members } }] };
}

function enumSchema({ values }: DescEnum): JsonSchema {
  return { anyOf: [{ type: "string", enum: values.map(({ name }) => name) }, { type: "integer" }] };
}

/** What is known of a field beyond its type and constraints, by its full name. */
const known: Readonly<Record<string, JsonSchema>> = {
  "confab.v1.Error.code": { enum: Object.keys(errorKinds) },
  "confab.v1.EncodedPayload.value": strictBase64,
};
