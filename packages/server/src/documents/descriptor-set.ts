import { create, type DescFile, toBinary } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import type { PayloadTypes } from "@confab/contract";
import { AdminService } from "@confab/contract/gen/confab/v1/admin_service_pb";
import { ChatService } from "@confab/contract/gen/confab/v1/chat_service_pb";
import { HookService } from "@confab/contract/gen/confab/v1/hook_pb";

/**
 * An encoded `google.protobuf.FileDescriptorSet` of the contract and of the payload types: for `grpcurl -protoset` and for clients
 * that read messages without generated code. A file stands behind those that it imports.
 */
export function descriptorSet(types: PayloadTypes): Uint8Array {
  // By name: the payload types may bring files that the contract has imported already.
  const files = new Map<string, DescFile>();
  const add = (file: DescFile) => {
    if (files.has(file.name)) return;
    for (const dependency of file.dependencies) add(dependency);
    files.set(file.name, file);
  };
  for (const { file } of [ChatService, AdminService, HookService, ...types.registry]) add(file);
  const file = Array.from(files.values(), ({ proto }) => proto);
  return toBinary(FileDescriptorSetSchema, create(FileDescriptorSetSchema, { file }));
}
