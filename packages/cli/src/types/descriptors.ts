import { create, type MessageInitShape, setExtension } from "@bufbuild/protobuf";
import {
  type DescriptorProto,
  DescriptorProtoSchema,
  type EnumDescriptorProto,
  EnumDescriptorProtoSchema,
  type FieldDescriptorProto,
  FieldDescriptorProtoSchema,
  type FieldOptions,
  FieldOptionsSchema,
  FieldDescriptorProto_Type as FieldType,
  FieldDescriptorProto_Label as Label,
  type MessageOptions,
  MessageOptionsSchema,
  OneofDescriptorProtoSchema,
  type OneofOptions,
  OneofOptionsSchema,
} from "@bufbuild/protobuf/wkt";
import {
  FieldRulesSchema,
  field as fieldRules,
  MessageRulesSchema,
  message as messageRules,
  OneofRulesSchema,
  oneof as oneofRules,
} from "@bufbuild/protovalidate/gen/buf/validate/validate_pb.js";
import protobuf from "protobufjs";
import { messageFromOption, optionValue } from "./options.js";

// From the parser's tree to google/protobuf/descriptor.proto. Only what decoding, encoding and checking a payload needs.

export function messageDescriptor(type: protobuf.Type): DescriptorProto {
  const oneofs = orderedOneofs(type);
  const maps = type.fieldsArray.filter((field) => field instanceof protobuf.MapField);
  const nested = type.nestedArray;
  return create(DescriptorProtoSchema, {
    name: type.name,
    field: type.fieldsArray.map((field) => fieldDescriptor(field, oneofs)),
    nestedType: [
      ...nested.filter((object) => object instanceof protobuf.Type).map(messageDescriptor),
      ...maps.map(mapEntryDescriptor),
    ],
    enumType: nested.filter((object) => object instanceof protobuf.Enum).map(enumDescriptor),
    oneofDecl: oneofs.map((oneof) =>
      create(OneofDescriptorProtoSchema, { name: oneof.name, options: oneofOptions(oneof) }),
    ),
    options: messageOptions(type),
  });
}

export function enumDescriptor(type: protobuf.Enum): EnumDescriptorProto {
  const value = Object.entries(type.values).map(([name, number]) => ({ name, number }));
  const allowAlias = type.options?.["allow_alias"] === true;
  return create(EnumDescriptorProtoSchema, { name: type.name, value, ...(allowAlias && { options: { allowAlias } }) });
}

/** A descriptor lists the oneofs that only carry an `optional` last (descriptor.proto, `proto3_optional`). */
function orderedOneofs(type: protobuf.Type): protobuf.OneOf[] {
  const isSynthetic = (oneof: protobuf.OneOf) => oneof.fieldsArray.some(isProto3Optional);
  return [...type.oneofsArray.filter((oneof) => !isSynthetic(oneof)), ...type.oneofsArray.filter(isSynthetic)];
}

function isProto3Optional(field: protobuf.Field): boolean {
  return field.options?.["proto3_optional"] === true;
}

function fieldDescriptor(field: protobuf.Field, oneofs: readonly protobuf.OneOf[]): FieldDescriptorProto {
  const isMap = field instanceof protobuf.MapField;
  const jsonName = optionValue(field, "json_name");
  return create(FieldDescriptorProtoSchema, {
    name: field.name,
    number: field.id,
    jsonName: typeof jsonName === "string" ? jsonName : jsonNameOf(field.name),
    label: isMap || field.repeated ? Label.REPEATED : field.rule === "required" ? Label.REQUIRED : Label.OPTIONAL,
    ...(isMap
      ? { type: FieldType.MESSAGE, typeName: `.${field.parent?.fullName.slice(1)}.${entryName(field)}` }
      : typeOf(field)),
    ...(field.partOf && { oneofIndex: oneofs.indexOf(field.partOf) }),
    ...(isProto3Optional(field) && { proto3Optional: true }),
    options: fieldOptions(field),
  });
}

/** A map is a repeated entry with the fields `key` and `value` (protobuf.dev/programming-guides/proto3#backwards). */
function mapEntryDescriptor(field: protobuf.MapField): DescriptorProto {
  const of = { label: Label.OPTIONAL };
  return create(DescriptorProtoSchema, {
    name: entryName(field),
    field: [
      { ...of, name: "key", jsonName: "key", number: 1, type: scalarType(field.keyType) },
      { ...of, name: "value", jsonName: "value", number: 2, ...typeOf(field) },
    ],
    options: { mapEntry: true },
  });
}

/** `by_name` has the entry `ByNameEntry`. */
function entryName({ name }: protobuf.FieldBase): string {
  return `${name.replace(/(?:^|_)(.)/g, (_match, letter: string) => letter.toUpperCase())}Entry`;
}

/** `by_name` is `byName` in JSON, as protoc derives it. */
function jsonNameOf(name: string): string {
  return name.replace(/_+(.?)/g, (_match, letter: string) => letter.toUpperCase());
}

function typeOf(field: protobuf.FieldBase): { type: FieldType; typeName?: string } {
  const { resolvedType } = field;
  if (!resolvedType) return { type: scalarType(field.type) };
  const typeName = resolvedType.fullName;
  if (resolvedType instanceof protobuf.Enum) return { type: FieldType.ENUM, typeName };
  return { type: isGroup(field) ? FieldType.GROUP : FieldType.MESSAGE, typeName };
}

function isGroup(field: protobuf.FieldBase): boolean {
  return field instanceof protobuf.Field && field.delimited;
}

function scalarType(name: string): FieldType {
  const type = FieldType[name.toUpperCase() as keyof typeof FieldType];
  if (type === undefined) throw new Error(`${name} is no scalar type`);
  return type;
}

function fieldOptions(field: protobuf.Field): FieldOptions | undefined {
  const rules = optionValue(field, "(buf.validate.field)");
  const packed = optionValue(field, "packed");
  const init: MessageInitShape<typeof FieldOptionsSchema> = typeof packed === "boolean" ? { packed } : {};
  if (rules === undefined) return typeof packed === "boolean" ? create(FieldOptionsSchema, init) : undefined;
  const options = create(FieldOptionsSchema, init);
  setExtension(options, fieldRules, messageFromOption(FieldRulesSchema, rules));
  return options;
}

function messageOptions(type: protobuf.Type): MessageOptions | undefined {
  const rules = optionValue(type, "(buf.validate.message)");
  if (rules === undefined) return undefined;
  const options = create(MessageOptionsSchema);
  setExtension(options, messageRules, messageFromOption(MessageRulesSchema, rules));
  return options;
}

function oneofOptions(oneof: protobuf.OneOf): OneofOptions | undefined {
  const rules = optionValue(oneof, "(buf.validate.oneof)");
  if (rules === undefined) return undefined;
  const options = create(OneofOptionsSchema);
  setExtension(options, oneofRules, messageFromOption(OneofRulesSchema, rules));
  return options;
}
