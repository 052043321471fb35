import { create } from "@bufbuild/protobuf";
import { durationFromMs } from "@bufbuild/protobuf/wkt";
import { type ConfabError, errorDetails } from "@confab/contract";
import { ErrorSchema, type Error as WireError } from "@confab/contract/gen/confab/v1/frame_pb";

/** An error in the contract's own form: what frames and REST bodies carry, with the details a gRPC status has. */
export function wireErrorFrom(error: ConfabError): WireError {
  const { retryAfterMs } = error.facts;
  return create(ErrorSchema, {
    code: error.code,
    message: error.message,
    retry: error.kind.retry,
    ...(retryAfterMs !== undefined && { retryAfter: durationFromMs(retryAfterMs) }),
    details: errorDetails(error),
  });
}
