import type { DescFile } from "@bufbuild/protobuf";
import {
  type FileDescriptorProto,
  file_google_protobuf_any,
  file_google_protobuf_api,
  file_google_protobuf_descriptor,
  file_google_protobuf_duration,
  file_google_protobuf_empty,
  file_google_protobuf_field_mask,
  file_google_protobuf_source_context,
  file_google_protobuf_struct,
  file_google_protobuf_timestamp,
  file_google_protobuf_type,
  file_google_protobuf_wrappers,
} from "@bufbuild/protobuf/wkt";
import { file_buf_validate_validate } from "@bufbuild/protovalidate/gen/buf/validate/validate_pb.js";

const files: readonly DescFile[] = [
  file_google_protobuf_any,
  file_google_protobuf_api,
  file_google_protobuf_descriptor,
  file_google_protobuf_duration,
  file_google_protobuf_empty,
  file_google_protobuf_field_mask,
  file_google_protobuf_source_context,
  file_google_protobuf_struct,
  file_google_protobuf_timestamp,
  file_google_protobuf_type,
  file_google_protobuf_wrappers,
  file_buf_validate_validate,
];

/** The files that any `.proto` may import without having them: Protobuf's own, and the constraints of protovalidate. */
export const bundledFiles: ReadonlyMap<string, FileDescriptorProto> = new Map(
  // A DescFile's name has no extension.
  files.map(({ name, proto }) => [`${name}.proto`, proto]),
);

/** `names` of bundled files and the ones they import, each after those it needs. */
export function bundledClosure(names: Iterable<string>): FileDescriptorProto[] {
  const found = new Map<string, FileDescriptorProto>();
  const add = (name: string) => {
    const file = bundledFiles.get(name);
    if (!file || found.has(name)) return;
    for (const dependency of file.dependency) add(dependency);
    found.set(name, file);
  };
  for (const name of names) add(name);
  return [...found.values()];
}
