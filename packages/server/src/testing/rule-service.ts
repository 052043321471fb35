import {
  create,
  createFileRegistry,
  type DescService,
  fromBinary,
  type MessageInitShape,
  setExtension,
  toBinary,
} from "@bufbuild/protobuf";
import {
  FileDescriptorProtoSchema,
  FileDescriptorSetSchema,
  file_google_protobuf_timestamp,
  FieldDescriptorProto_Label as Label,
  MethodOptionsSchema,
  FieldDescriptorProto_Type as Type,
} from "@bufbuild/protobuf/wkt";
import { file_confab_v1_message } from "@confab/contract/gen/confab/v1/message_pb";
import { http } from "@confab/contract/gen/google/api/annotations_pb";
import { HttpRuleSchema } from "@confab/contract/gen/google/api/http_pb";

/**
 * A service with one RPC and this HTTP rule, for what the contract's own rules do not use:
 *
 *     message Node {
 *       string name = 1;        Node inner = 2;       repeated int32 nums = 3;   Hue hue = 4;
 *       bool is_flag = 5;       int64 big = 6;        Timestamp at = 7;          confab.v1.Position pos = 8;
 *     }
 *     enum Hue { RED = 0; BLUE = 1; }
 *     service Nodes { rpc Call (Node) returns (Node); }
 */
export function ruleService(rule: MessageInitShape<typeof HttpRuleSchema>): DescService {
  const options = create(MethodOptionsSchema);
  setExtension(options, http, create(HttpRuleSchema, rule));
  const file = create(FileDescriptorProtoSchema, {
    name: "node.proto",
    package: "test",
    syntax: "proto3",
    dependency: ["google/protobuf/timestamp.proto", "confab/v1/message.proto"],
    messageType: [
      {
        name: "Node",
        field: [
          { name: "name", jsonName: "name", number: 1, type: Type.STRING, label: Label.OPTIONAL },
          { name: "inner", jsonName: "inner", number: 2, ...message(".test.Node") },
          { name: "nums", jsonName: "nums", number: 3, type: Type.INT32, label: Label.REPEATED },
          { name: "hue", jsonName: "hue", number: 4, type: Type.ENUM, typeName: ".test.Hue", label: Label.OPTIONAL },
          { name: "is_flag", jsonName: "isFlag", number: 5, type: Type.BOOL, label: Label.OPTIONAL },
          { name: "big", jsonName: "big", number: 6, type: Type.INT64, label: Label.OPTIONAL },
          { name: "at", jsonName: "at", number: 7, ...message(".google.protobuf.Timestamp") },
          { name: "pos", jsonName: "pos", number: 8, ...message(".confab.v1.Position") },
        ],
      },
    ],
    enumType: [
      {
        name: "Hue",
        value: [
          { name: "RED", number: 0 },
          { name: "BLUE", number: 1 },
        ],
      },
    ],
    service: [
      { name: "Nodes", method: [{ name: "Call", inputType: ".test.Node", outputType: ".test.Node", options }] },
    ],
  });
  // Through bytes, as any descriptor comes.
  const set = toBinary(FileDescriptorSetSchema, create(FileDescriptorSetSchema, { file: [...known(), file] }));
  const service = createFileRegistry(fromBinary(FileDescriptorSetSchema, set)).getService("test.Nodes");
  if (!service) throw new Error("the service is missing");
  return service;
}

function message(typeName: string) {
  return { type: Type.MESSAGE, typeName, label: Label.OPTIONAL } as const;
}

/** The files that `node.proto` imports, and those that they import, each before its importer. */
function known() {
  const files = new Set<typeof file_confab_v1_message>();
  const add = (file: typeof file_confab_v1_message) => {
    for (const dependency of file.dependencies) add(dependency);
    files.add(file);
  };
  add(file_google_protobuf_timestamp);
  add(file_confab_v1_message);
  return [...files].map(({ proto }) => proto);
}
