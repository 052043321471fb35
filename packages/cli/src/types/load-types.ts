import { create, createFileRegistry, fromBinary, toBinary } from "@bufbuild/protobuf";
import { type FileDescriptorProto, type FileDescriptorSet, FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { compileProtoFiles } from "./compile.js";
import { readTypeFile, TypeFileError } from "./type-file-error.js";

/**
 * The payload types in `files` as one encoded `google.protobuf.FileDescriptorSet`: `.proto` files are compiled here, all
 * others are descriptor sets as `buf build -o` and `protoc --include_imports --descriptor_set_out` write them.
 *
 * @throws TypeFileError: a file cannot be read, is malformed, or needs one that is missing.
 */
export function loadTypes(files: readonly string[]): Uint8Array {
  const isProto = (file: string) => file.endsWith(".proto");
  const compiled = compileProtoFiles(files.filter(isProto));
  const ready = files.filter((file) => !isProto(file)).flatMap((file) => readDescriptorSet(file).file);
  // The same file may come from several sets, the well-known ones above all.
  const byName = new Map<string, FileDescriptorProto>();
  for (const file of [...ready, ...compiled]) if (!byName.has(file.name)) byName.set(file.name, file);
  const set = create(FileDescriptorSetSchema, { file: [...byName.values()] });
  try {
    createFileRegistry(set);
  } catch (cause) {
    throw new TypeFileError(`${files.join(", ")}: ${cause instanceof Error ? cause.message : "unusable"}`, { cause });
  }
  return toBinary(FileDescriptorSetSchema, set);
}

function readDescriptorSet(path: string): FileDescriptorSet {
  const bytes = readTypeFile(path);
  try {
    const set = fromBinary(FileDescriptorSetSchema, bytes);
    // Any bytes may happen to be a Protobuf message with unknown fields; a set without files is none that was meant.
    if (set.file.length > 0) return set;
  } catch {
    // Not even Protobuf: said below.
  }
  throw new TypeFileError(`${path}: neither a .proto file nor a descriptor set (buf build -o types.binpb)`);
}
