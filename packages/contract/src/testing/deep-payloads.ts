import { create, fromJson, type JsonObject, toBinary } from "@bufbuild/protobuf";
import {
  FileDescriptorProtoSchema,
  FileDescriptorSetSchema,
  file_google_protobuf_any,
  file_google_protobuf_struct,
} from "@bufbuild/protobuf/wkt";

// Payloads that are nested as deep as a test asks for, in each way that Protobuf has. They are written byte by byte, since
// the library writes none that is deeper than its own bounds.

const nodeType = ".tree.Node";

/** A field of a descriptor: an optional message, unless `rest` says otherwise. */
function member(name: string, number: number, rest: JsonObject): JsonObject {
  return { name, jsonName: name, number, type: "TYPE_MESSAGE", label: "LABEL_OPTIONAL", ...rest };
}

const tree = fromJson(FileDescriptorProtoSchema, {
  name: "tree.proto",
  package: "tree",
  syntax: "proto2",
  dependency: ["google/protobuf/any.proto", "google/protobuf/struct.proto"],
  messageType: [
    {
      name: "Node",
      field: [
        member("one", 1, { typeName: nodeType }),
        member("many", 2, { typeName: nodeType, label: "LABEL_REPEATED" }),
        member("named", 3, { typeName: ".tree.Node.NamedEntry", label: "LABEL_REPEATED" }),
        member("any", 4, { typeName: ".google.protobuf.Any" }),
        member("facts", 5, { typeName: ".google.protobuf.Struct" }),
        member("chosen", 6, { typeName: nodeType, oneofIndex: 0 }),
        member("group", 7, { typeName: nodeType, type: "TYPE_GROUP" }),
        member("words", 8, { type: "TYPE_STRING", label: "LABEL_REPEATED" }),
      ],
      nestedType: [
        {
          name: "NamedEntry",
          field: [
            member("key", 1, { type: "TYPE_STRING", label: "LABEL_OPTIONAL" }),
            member("value", 2, { typeName: nodeType }),
          ],
          options: { mapEntry: true },
        },
      ],
      oneofDecl: [{ name: "choice" }],
      extensionRange: [{ start: 100, end: 200 }],
    },
  ],
  extension: [member("more", 100, { typeName: nodeType, extendee: nodeType })],
});

/** `tree.Node`, which can hold itself in every way, as a descriptor set. */
export const treeTypes: Uint8Array = toBinary(
  FileDescriptorSetSchema,
  create(FileDescriptorSetSchema, { file: [file_google_protobuf_any.proto, file_google_protobuf_struct.proto, tree] }),
);

/** A field with a length: its tag, its length and its bytes. */
export function field(number: number, content: Uint8Array | string): Uint8Array {
  const bytes = Buffer.from(content);
  return Buffer.concat([varint(number * 8 + 2), varint(bytes.length), bytes]);
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  for (; value >= 0x80; value = Math.floor(value / 0x80)) bytes.push((value % 0x80) + 0x80);
  return Buffer.from([...bytes, value]);
}

const entry = (value: Uint8Array) => Buffer.concat([field(1, "k"), field(2, value)]);
const any = (typeUrl: string, value: Uint8Array) => Buffer.concat([field(1, typeUrl), field(2, value)]);

const google = (name: string) => `type.googleapis.com/google.protobuf.${name}`;
const node = "type.googleapis.com/tree.Node";

/** A type, and how a message of it holds another of the same type. */
export interface Nesting {
  readonly typeUrl: string;
  readonly around: (inner: Uint8Array) => Uint8Array;
  /** Of the innermost message; default: none. */
  readonly leaf?: Uint8Array;
}

/** The nestings of types that every server knows. */
export const wellKnownNestings = {
  "an Any in an Any": {
    typeUrl: google("Any"),
    around: (inner) => any(google("Any"), inner),
    leaf: any(google("Empty"), new Uint8Array(0)),
  },
  "a Struct in a Struct": { typeUrl: google("Struct"), around: (inner) => field(1, entry(field(5, inner))) },
  "a list in a list": { typeUrl: google("ListValue"), around: (inner) => field(1, field(6, inner)) },
  "a Value in a list of a Value": {
    typeUrl: google("Value"),
    around: (inner) => field(6, field(1, inner)),
    leaf: Uint8Array.of(8, 0),
  },
  "a message in the payload of a message": {
    typeUrl: "x/confab.v1.ChatMessage",
    around: (inner) => Buffer.concat([field(1, "ann"), field(7, any("x/confab.v1.ChatMessage", inner))]),
    leaf: Buffer.concat([field(1, "ann"), field(2, "hi")]),
  },
} as const satisfies Readonly<Record<string, Nesting>>;

/** The nestings of `tree.Node`. */
export const treeNestings = {
  "a field": { typeUrl: node, around: (inner) => field(1, inner) },
  "a list": { typeUrl: node, around: (inner) => field(2, inner) },
  "a map": { typeUrl: node, around: (inner) => field(3, entry(inner)) },
  "an Any": { typeUrl: node, around: (inner) => field(4, any(node, inner)) },
  "a oneof": { typeUrl: node, around: (inner) => field(6, inner) },
  "a group": {
    typeUrl: node,
    around: (inner) => Buffer.concat([Uint8Array.of(0x3b), inner, Uint8Array.of(0x3c)]),
  },
  "an extension": { typeUrl: node, around: (inner) => field(100, inner) },
  "a list around a list of words": { typeUrl: node, around: (inner) => field(2, inner), leaf: field(8, "word") },
} as const satisfies Readonly<Record<string, Nesting>>;

/** A payload with so many messages around the innermost one. */
export function nested({ typeUrl, around, leaf = new Uint8Array(0) }: Nesting, times: number) {
  let value = leaf;
  for (let i = 0; i < times; i++) value = around(value);
  return { typeUrl, value };
}

/** How many objects and lists stand within each other in a JSON text whose strings hold no brackets. */
export function depthOf(json: string): number {
  let depth = 0;
  let deepest = 0;
  for (const character of json) {
    if (character === "{" || character === "[") deepest = Math.max(deepest, ++depth);
    else if (character === "}" || character === "]") depth--;
  }
  return deepest;
}
