import { fromBinary } from "@bufbuild/protobuf";
import { StatusSchema } from "@confab/contract/gen/google/rpc/status_pb";
import { errorFromDetails } from "@confab/contract/testing/error-from-details";

/** What the details of an error say, in the short form that tests compare. */
export interface ShownDetails {
  /** The catalogue's code. */
  readonly code: string;
  /** `field rule` of each violated constraint. */
  readonly violations: readonly string[];
}

/** Reads `grpc-status-details-bin`, which gRPC clients hand to their callers as bytes. */
export function shownDetails(status: Uint8Array | string | undefined): ShownDetails {
  if (status === undefined) return { code: "no details", violations: [] };
  const bytes = typeof status === "string" ? Buffer.from(status, "base64") : status;
  const { details, message } = fromBinary(StatusSchema, bytes);
  const { code, facts } = errorFromDetails(details, message, "INTERNAL");
  return { code, violations: (facts.violations ?? []).map(({ field, rule }) => `${field} ${rule}`) };
}

/** What every client must be told of a message without a user. */
export const userIsMissing: ShownDetails = { code: "INVALID_MESSAGE", violations: ["user string.min_len"] };
