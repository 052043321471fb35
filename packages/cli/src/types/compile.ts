import { create, toBinary } from "@bufbuild/protobuf";
import { type FileDescriptorProto, FileDescriptorProtoSchema, FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import protobuf from "protobufjs";
import "protobufjs/ext/descriptor.js";
import { bundledClosure, bundledFiles } from "./bundled-files.js";
import { enumDescriptor, messageDescriptor } from "./descriptors.js";
import { lineOf, type ParsedFile, parseFiles } from "./parse-files.js";
import { TypeFileError } from "./type-file-error.js";

/**
 * Compile `.proto` files into descriptors, with everything they import.
 *
 * For payload types: messages, enums and their protovalidate constraints are kept; services, extensions and other custom
 * options are not.
 *
 * @throws TypeFileError: with the file and line.
 */
export function compileProtoFiles(paths: readonly string[]): FileDescriptorProto[] {
  if (paths.length === 0) return [];
  const bundled = create(FileDescriptorSetSchema, { file: [...bundledFiles.values()] });
  const root = protobuf.Root.fromDescriptor(toBinary(FileDescriptorSetSchema, bundled), { keepCase: true });
  const files = parseFiles(paths, root);
  for (const file of files) resolveTypes(file, root);
  const compiled = files.map((file) => fileDescriptor(file, root));
  return [...bundledClosure(files.flatMap(({ imports }) => imports)), ...compiled];
}

function fileDescriptor(file: ParsedFile, root: protobuf.Root): FileDescriptorProto {
  const own = ownObjects(file, root);
  const messages = own.filter((object) => object instanceof protobuf.Type);
  const enums = own.filter((object) => object instanceof protobuf.Enum);
  const syntax = syntaxOf(file);
  try {
    return create(FileDescriptorProtoSchema, {
      name: file.name,
      package: file.packageName,
      dependency: [...new Set(file.imports)],
      ...(syntax === "proto3" && { syntax }),
      messageType: messages.map((message) => messageDescriptor(message)),
      enumType: enums.map(enumDescriptor),
    });
  } catch (cause) {
    throw new TypeFileError(`${file.path}: ${cause instanceof Error ? cause.message : "cannot be compiled"}`, {
      cause,
    });
  }
}

/** The types that a file declares at its top level. */
function ownObjects(file: ParsedFile, root: protobuf.Root): protobuf.ReflectionObject[] {
  const scope = file.packageName === "" ? root : root.lookup(file.packageName);
  if (!(scope instanceof protobuf.Namespace)) return [];
  return scope.nestedArray.filter((object) => object.filename === file.name);
}

/** Find the type that each field names. */
function resolveTypes(file: ParsedFile, root: protobuf.Root): void {
  const visit = (type: protobuf.Type) => {
    for (const field of type.fieldsArray) {
      try {
        field.resolve();
      } catch (cause) {
        const line = lineOf(file.source, new RegExp(`\\b${field.name}\\s*=\\s*${field.id}\\b`));
        throw new TypeFileError(`${file.path}:${line}: there is no type ${field.type}`, { cause });
      }
    }
    for (const nested of type.nestedArray) if (nested instanceof protobuf.Type) visit(nested);
  };
  for (const object of ownObjects(file, root)) if (object instanceof protobuf.Type) visit(object);
}

/** `proto3`, or nothing for proto2, which is how descriptors say it. */
function syntaxOf({ path, source }: ParsedFile): "proto3" | "" {
  const withoutComments = source.replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, "");
  if (/^\s*edition\s*=/.test(withoutComments)) {
    throw new TypeFileError(
      `${path}:${lineOf(source, /\bedition\s*=/)}: editions need a compiled descriptor set (buf build -o types.binpb)`,
    );
  }
  return /^\s*syntax\s*=\s*["']proto3["']/.test(withoutComments) ? "proto3" : "";
}
