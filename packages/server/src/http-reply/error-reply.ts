import { createRegistry, toJsonString } from "@bufbuild/protobuf";
import type { ConfabError } from "@confab/contract";
import { ErrorSchema, file_confab_v1_frame } from "@confab/contract/gen/confab/v1/frame_pb";
import { file_google_rpc_error_details } from "@confab/contract/gen/google/rpc/error_details_pb";
import type { Exchange, Fields } from "../http/exchange.js";
import { wireErrorFrom } from "../service/index.js";
import { cost } from "../work/index.js";
import { replyJson } from "./json-reply.js";

/**
 * End an exchange with an error, in the form that every plain HTTP answer of this server has: the catalogue's status, and
 * `{"error": …}` with a `confab.v1.Error` in proto3 JSON.
 *
 * The exchange must have a listener already, and no response yet.
 */
export function respondError(exchange: Exchange, error: ConfabError, headers: Fields = {}): void {
  exchange.share.spend(cost.error);
  const { retryAfterMs } = error.facts;
  replyJson(exchange, error.kind.http, Buffer.from(`{"error":${errorJson(error)}}`), {
    ...(retryAfterMs !== undefined && { "retry-after": String(Math.ceil(retryAfterMs / 1_000)) }),
    // RFC 9110 §15.5.2: a 401 names the scheme that it asks for.
    ...(error.kind.http === 401 && { "www-authenticate": "Bearer" }),
    ...headers,
  });
}

/** An error of the catalogue as the contract's `Error` in proto3 JSON. */
export function errorJson(error: ConfabError): string {
  return toJsonString(ErrorSchema, wireErrorFrom(error), { registry: detailTypes });
}

/** The details of an error are of the contract's own types, whatever payload types the server knows. */
const detailTypes = createRegistry(file_confab_v1_frame, file_google_rpc_error_details);
