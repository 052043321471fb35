import type { DescFile } from "@bufbuild/protobuf";
import { fileDesc } from "@bufbuild/protobuf/codegenv2";

/**
 * Stands in for buf/validate/validate.proto, which the generated code imports: an empty file of that name and package.
 * The server checks the constraints; here, their descriptors would be a third of the page.
 */
export const file_buf_validate_validate: DescFile = fileDesc(
  "ChtidWYvdmFsaWRhdGUvdmFsaWRhdGUucHJvdG8SDGJ1Zi52YWxpZGF0ZWIGcHJvdG8y",
);
