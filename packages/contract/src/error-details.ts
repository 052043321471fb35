import { create, type DescMessage, type MessageInitShape } from "@bufbuild/protobuf";
import { type Any, anyPack, durationFromMs } from "@bufbuild/protobuf/wkt";
import type { ConfabError } from "./errors.js";
import { AvailableRangeSchema } from "./gen/confab/v1/frame_pb.js";
import { BadRequestSchema, ErrorInfoSchema, RetryInfoSchema } from "./gen/google/rpc/error_details_pb.js";

/** The `domain` of our ErrorInfo details: whose catalogue a `reason` belongs to. */
export const errorDomain = "confab.v1";

/**
 * The details of an error, the same on every transport: always `google.rpc.ErrorInfo` with the catalogue's code as its
 * reason, then `BadRequest`, `RetryInfo` and `confab.v1.AvailableRange` where they apply
 * (googleapis google/rpc/error_details.proto).
 */
export function errorDetails(error: ConfabError): Any[] {
  const details = [packed(ErrorInfoSchema, { reason: error.code, domain: errorDomain })];
  const { violations, range, retryAfterMs } = error.facts;
  if (violations && violations.length > 0) {
    details.push(
      packed(BadRequestSchema, {
        fieldViolations: violations.map(({ field, rule, message }) => ({ field, reason: rule, description: message })),
      }),
    );
  }
  if (retryAfterMs !== undefined) details.push(packed(RetryInfoSchema, { retryDelay: durationFromMs(retryAfterMs) }));
  if (range) {
    details.push(
      packed(AvailableRangeSchema, {
        room: range.room,
        oldest: { epoch: range.epoch, offset: BigInt(range.oldest) },
        newest: { epoch: range.epoch, offset: BigInt(range.newest) },
      }),
    );
  }
  return details;
}

function packed<Desc extends DescMessage>(schema: Desc, init: MessageInitShape<Desc>): Any {
  return anyPack(schema, create(schema, init));
}
