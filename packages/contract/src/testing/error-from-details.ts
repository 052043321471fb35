import type { DescMessage, MessageShape } from "@bufbuild/protobuf";
import { type Any, anyUnpack, durationMs } from "@bufbuild/protobuf/wkt";
import { errorDomain } from "../error-details.js";
import { ConfabError, type ErrorCode, type ErrorFacts, errorKinds, type Violation } from "../errors.js";
import { AvailableRangeSchema } from "../gen/confab/v1/frame_pb.js";
import { BadRequestSchema, ErrorInfoSchema, RetryInfoSchema } from "../gen/google/rpc/error_details_pb.js";

/**
 * The error that `errorDetails` described, read with the generated code: what other clients see, and what ours has to see too.
 * `fallback` when the details name no code of the catalogue.
 */
export function errorFromDetails(details: readonly Any[], message: string, fallback: ErrorCode): ConfabError {
  let code: ErrorCode = fallback;
  let violations: Violation[] | undefined;
  let facts: ErrorFacts = {};
  for (const detail of details) {
    const info = unpacked(detail, ErrorInfoSchema);
    // The catalogue's own names: `in` would also find "constructor".
    if (info && info.domain === errorDomain && Object.hasOwn(errorKinds, info.reason)) code = info.reason as ErrorCode;
    const bad = unpacked(detail, BadRequestSchema);
    if (bad)
      violations = bad.fieldViolations.map(({ field, reason, description }) => ({
        field,
        rule: reason,
        message: description,
      }));
    const retry = unpacked(detail, RetryInfoSchema)?.retryDelay;
    if (retry) facts = { ...facts, retryAfterMs: durationMs(retry) };
    const range = unpacked(detail, AvailableRangeSchema);
    if (range?.oldest && range.newest) {
      const { room, oldest, newest } = range;
      facts = {
        ...facts,
        range: { room, epoch: newest.epoch, oldest: Number(oldest.offset), newest: Number(newest.offset) },
      };
    }
  }
  return new ConfabError(code, message, violations ? { ...facts, violations } : facts);
}

/** Undefined when the detail is of another type, or its bytes are not of the type it names: the error itself still counts. */
function unpacked<Desc extends DescMessage>(detail: Any, schema: Desc): MessageShape<Desc> | undefined {
  try {
    return anyUnpack(detail, schema);
  } catch {
    // A detail that does not decode tells nothing; whoever sent it is not this program.
    return undefined;
  }
}
