import assert from "node:assert/strict";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { createFileRegistry, type DescField, type FileRegistry, fromBinary } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { type RunningServer, startServer } from "@confab/server/testing/start-server";
import { buf } from "./fixture/buf.js";
import { mustRun } from "./fixture/run-program.js";

let folder: string;
let server: RunningServer;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "confab-test-"));
  server = await startServer({
    port: 0,
    engine: { kind: "embedded", dataDir: join(folder, "data"), durability: "os" },
  });
});
after(async () => {
  await server.close();
  await rm(folder, { recursive: true, force: true });
});

async function bytesOf(path: string): Promise<Uint8Array> {
  const response = await fetch(server.url + path);
  assert.equal(response.status, 200, path);
  return new Uint8Array(await response.arrayBuffer());
}

const registryOf = (set: Uint8Array) => createFileRegistry(fromBinary(FileDescriptorSetSchema, set));

/** What matters on the wire and in JSON of the contract's messages and methods, by name. */
function shapeOf(registry: FileRegistry): ReadonlyMap<string, unknown> {
  const typeOf = (field: DescField) => {
    const { proto, oneof, presence } = field;
    return [field.number, field.jsonName, proto.label, proto.type, proto.typeName, oneof?.name, presence];
  };
  const shapes = new Map<string, unknown>();
  for (const type of registry) {
    if (type.file.proto.package !== "confab.v1") continue;
    if (type.kind === "message")
      shapes.set(
        type.typeName,
        type.fields.map((field) => [field.name, ...typeOf(field)]),
      );
    if (type.kind === "service")
      shapes.set(
        type.typeName,
        type.methods.map(({ name, methodKind, input, output, idempotency }) =>
          [name, methodKind, input.typeName, output.typeName, idempotency].join(),
        ),
      );
  }
  return shapes;
}

test("/confab.proto is one file that compiles by itself, into the contract that is served", async () => {
  // buf looks for the configuration of a folder that it is given, and takes none from here.
  await writeFile(join(folder, "buf.yaml"), "version: v2\nmodules:\n  - path: proto\n");
  await mkdir(join(folder, "proto"));
  const text = await bytesOf("/confab.proto");
  await writeFile(join(folder, "proto", "confab.proto"), text);
  await mustRun(buf, ["build", folder, "-o", join(folder, "plain.binpb")]);
  const plain = shapeOf(registryOf(await readFile(join(folder, "plain.binpb"))));
  const contract = shapeOf(registryOf(await bytesOf("/descriptor.binpb")));
  assert.ok(contract.size > 50);
  assert.deepEqual(plain, contract);
  const imports = [...new TextDecoder().decode(text).matchAll(/^import "([^"]+)"/gm)].map(([, file]) => file);
  assert.deepEqual(
    imports.filter((file) => !file?.startsWith("google/protobuf/")),
    [],
  );
  assert.match(new TextDecoder().decode(text), /^ {2}\/\/ Append one message to a room\./m);
});
