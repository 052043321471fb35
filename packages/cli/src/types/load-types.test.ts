import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import { createFileRegistry, fromBinary, type JsonValue, toJson } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema, FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { loadTypes } from "./load-types.js";

const repository = fileURLToPath(new URL("../../../../", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "confab-types-test-"));
after(() => rmSync(folder, { recursive: true, force: true }));

function write(name: string, text: string): string {
  const path = join(folder, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
  return path;
}

/** The files of a set by their name. */
function filesOf(set: Uint8Array): Map<string, JsonValue> {
  const { file } = fromBinary(FileDescriptorSetSchema, set);
  return new Map(file.map((each) => [each.name, toJson(FileDescriptorProtoSchema, each)]));
}

const shop = `syntax = "proto3";
// A comment.
package shop.v1;
import "google/protobuf/timestamp.proto";
import "buf/validate/validate.proto";
import "money/money.proto";
enum Kind { KIND_UNSPECIFIED = 0; KIND_BIG = 5; }
message Order {
  option (buf.validate.message).cel = { id: "o.x" message: "no" expression: "this.item_count < 100" };
  option (buf.validate.message).cel = { id: "o.y" message: "no" expression: "this.item_count > -1" };
  message Line { string sku = 1; repeated uint32 sizes = 2; }
  string order_id = 1 [(buf.validate.field).string = {min_len: 2, pattern: "^[a-z]+$"}];
  int32 item_count = 2 [(buf.validate.field).int32.gte = 1, (buf.validate.field).required = true];
  google.protobuf.Timestamp placed_at = 3 [(buf.validate.field).timestamp.within = {seconds: 5}];
  repeated Line lines = 4 [(buf.validate.field).repeated.min_items = 1];
  map<string, Line> by_name = 5;
  oneof pay {
    option (buf.validate.oneof).required = true;
    string card = 6;
    money.Money cash = 7;
  }
  optional string note = 8;
  Kind kind = 9 [json_name = "sort", (buf.validate.field).enum.defined_only = true];
  repeated string tags = 10 [(buf.validate.field).repeated.items.string.in = "a", (buf.validate.field).repeated.items.string.in = "b"];
  repeated int32 loose = 11 [packed = false];
  map<int64, Kind> kinds_by_number = 12;
  uint64 weight = 13 [(buf.validate.field).uint64.lte = 9007199254740991, (buf.validate.field).ignore = IGNORE_IF_ZERO_VALUE];
}
`;
const money = `syntax = "proto2";
package money;
message Money { required string currency = 1; optional int64 units = 2; extensions 100 to 200; }
`;

test("a compiled .proto file is what buf makes of it", () => {
  const path = write("shop.proto", shop);
  write("money/money.proto", money);
  const validate = readFileSync(join(repository, "third_party/buf/validate/validate.proto"), "utf8");
  write("buf/validate/validate.proto", validate);
  const buf = join(repository, "node_modules/.bin/buf");
  const output = join(folder, "expected.binpb");
  execFileSync(buf, ["build", folder, "--exclude-source-info", "-o", output]);
  const expected = filesOf(readFileSync(output));
  const compiled = filesOf(loadTypes([path]));
  assert.deepEqual(compiled.get("shop.proto"), expected.get("shop.proto"));
  // Extension ranges are not needed for payloads, and are left out.
  const { messageType } = expected.get("money/money.proto") as { messageType: { extensionRange?: unknown }[] };
  for (const message of messageType) delete message.extensionRange;
  assert.deepEqual(compiled.get("money/money.proto"), expected.get("money/money.proto"));
});

test("well-known types and protovalidate's rules need not be at hand, and are in the set", () => {
  const path = write(
    "alone/event.proto",
    'syntax = "proto3"; import "google/protobuf/any.proto"; message Event { google.protobuf.Any what = 1; }',
  );
  const set = loadTypes([path]);
  assert.deepEqual([...filesOf(set).keys()], ["google/protobuf/any.proto", "event.proto"]);
  assert.ok(createFileRegistry(fromBinary(FileDescriptorSetSchema, set)).getMessage("Event"));
});

test("descriptor sets and .proto files may be mixed, and share files", () => {
  const event = write(
    "mixed/event.proto",
    'syntax = "proto3"; package a; import "google/protobuf/any.proto"; message Event { google.protobuf.Any what = 1; }',
  );
  const note = write(
    "mixed/note.proto",
    'syntax = "proto3"; package b; import "google/protobuf/any.proto"; message Note { google.protobuf.Any of = 1; }',
  );
  const set = join(folder, "event.binpb");
  writeFileSync(set, loadTypes([event]));
  assert.deepEqual(
    [...filesOf(loadTypes([set, note])).keys()],
    ["google/protobuf/any.proto", "event.proto", "note.proto"],
  );
});

test("what is wrong with a file is said with its name and line", () => {
  const wrong: readonly (readonly [name: string, source: string, message: RegExp])[] = [
    ["syntax.proto", 'syntax = "proto3";\nmessage A {\n  string x 1;\n}', /syntax\.proto:3: illegal token '1'/],
    [
      "type.proto",
      'syntax = "proto3";\nmessage A {\n  string x = 1;\n  Missing y = 2;\n}',
      /type\.proto:4: there is no type Missing/,
    ],
    [
      "import.proto",
      'syntax = "proto3";\n\nimport "not/there.proto";',
      /import\.proto:3: import "not\/there\.proto" is not in /,
    ],
    ["edition.proto", '\nedition = "2023";\nmessage A {}', /edition\.proto:2: editions need a compiled descriptor set/],
    [
      "option.proto",
      'syntax = "proto3";\nimport "buf/validate/validate.proto";\nmessage A { string x = 1 [(buf.validate.field).string.min_length = 1]; }',
      /option\.proto: .*StringRules has no field min_length/,
    ],
    ["garbage.binpb", "not a descriptor set", /garbage\.binpb: neither a \.proto file nor a descriptor set/],
  ];
  for (const [name, source, message] of wrong) {
    assert.throws(() => loadTypes([write(`wrong/${name}`, source)]), { name: "TypeFileError", message });
  }
  assert.throws(() => loadTypes([join(folder, "absent.proto")]), { message: /absent\.proto: ENOENT/ });
});
