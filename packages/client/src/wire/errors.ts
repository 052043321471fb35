import { create, fromBinary, fromJson, type JsonValue } from "@bufbuild/protobuf";
import { base64Decode } from "@bufbuild/protobuf/wire";
import { type Any, AnySchema, durationMs } from "@bufbuild/protobuf/wkt";
import {
  ConfabError,
  type ErrorCode,
  errorFromDetails,
  errorKinds,
  type GrpcStatusName,
  grpcStatus,
  parseJson,
} from "@confab/contract";
import { ErrorSchema, type Error as WireError } from "@confab/contract/gen/confab/v1/frame_pb";
import { StatusSchema } from "@confab/contract/gen/google/rpc/status_pb";
import { isJsonObject, ownTypesOnly } from "./payloads.js";

// The forms that one error of the catalogue has on the transports, back into that error. Where a peer is not our server (a
// proxy, say) there are no details, and the status alone decides.

/** `confab.v1.Error`, of a frame. */
export function errorFromWire({ code, message, details, retryAfter }: WireError): ConfabError {
  const error = errorFromDetails(details, message, knownCode(code) ?? "INTERNAL");
  const { retryAfterMs } = error.facts;
  if (retryAfter === undefined || retryAfterMs !== undefined) return error;
  return new ConfabError(error.code, message, { ...error.facts, retryAfterMs: durationMs(retryAfter) });
}

/** `confab.v1.Error` as JSON: of a frame, a REST body or an SSE event. */
export function errorFromJson(json: JsonValue): ConfabError {
  if (!isJsonObject(json)) return new ConfabError("PROTOCOL_VIOLATION", "the server's error is not an object");
  // A newer server may add details of types that this program does not know; the rest of the error still stands.
  const details = Array.isArray(json["details"]) ? json["details"].filter(isKnownDetail) : [];
  const registry = ownTypesOnly.registry;
  return errorFromWire(fromJson(ErrorSchema, { ...json, details }, { registry, ignoreUnknownFields: true }));
}

function isKnownDetail(detail: JsonValue): boolean {
  if (!isJsonObject(detail) || typeof detail["@type"] !== "string") return false;
  return ownTypesOnly.registry.getMessage(detail["@type"].slice(detail["@type"].lastIndexOf("/") + 1)) !== undefined;
}

/** The answer of an HTTP server that is no success: our REST error, or whatever stands between us. */
export function errorFromHttp(status: number, body: string): ConfabError {
  const json = jsonOrUndefined(body);
  if (isJsonObject(json) && isJsonObject(json["error"])) return errorFromJson(json["error"]);
  return new ConfabError(codeFromHttp(status), `the server answered HTTP ${status}`);
}

/** A gRPC status with the headers or trailers that hold it; undefined if it is OK. */
export function errorFromGrpc(fields: (name: string) => string | undefined): ConfabError | undefined {
  const status = fields("grpc-status");
  if (status === "0") return undefined;
  if (status === undefined) return new ConfabError("PROTOCOL_VIOLATION", "the stream ended without a gRPC status");
  const message = percentDecoded(fields("grpc-message") ?? "");
  const encodedDetails = fields("grpc-status-details-bin");
  const details = encodedDetails === undefined ? [] : fromBinary(StatusSchema, base64Decode(encodedDetails)).details;
  return errorFromDetails(details, message, codeFromGrpc(Number(status)));
}

/** A Connect error (connectrpc.com/docs/protocol#error-end-stream): of a unary answer, or of the last envelope. */
export function errorFromConnect(httpStatus: number, body: string): ConfabError {
  const json = jsonOrUndefined(body);
  if (!isJsonObject(json) || typeof json["code"] !== "string") return errorFromHttp(httpStatus, body);
  const details = Array.isArray(json["details"]) ? json["details"].flatMap(connectDetail) : [];
  const message = typeof json["message"] === "string" ? json["message"] : "";
  return errorFromDetails(details, message, codeFromConnect(json["code"]));
}

function connectDetail(json: JsonValue): Any[] {
  if (!isJsonObject(json) || typeof json["type"] !== "string" || typeof json["value"] !== "string") return [];
  return [create(AnySchema, { typeUrl: `type.googleapis.com/${json["type"]}`, value: base64Decode(json["value"]) })];
}

/** A WebSocket's close code; undefined for codes that say nothing about why. */
export function codeFromClose(closeCode: number): ErrorCode | undefined {
  for (const [code, kind] of Object.entries(errorKinds)) {
    if ("close" in kind && kind.close === closeCode) return knownCode(code);
  }
  return undefined;
}

function knownCode(text: string): ErrorCode | undefined {
  return Object.hasOwn(errorKinds, text) ? (text as ErrorCode) : undefined;
}

function jsonOrUndefined(text: string): JsonValue | undefined {
  try {
    return parseJson(text);
  } catch {
    // A proxy's page of HTML, most likely: the status says enough.
    return undefined;
  }
}

/** What a status means when nothing more is known: the code of the catalogue that a caller would treat alike. */
const codesByStatus: { readonly [status in Exclude<GrpcStatusName, "OK">]: ErrorCode } = {
  CANCELLED: "CANCELLED",
  UNKNOWN: "INTERNAL",
  INVALID_ARGUMENT: "INVALID_MESSAGE",
  DEADLINE_EXCEEDED: "DEADLINE_EXCEEDED",
  NOT_FOUND: "UNKNOWN_PATH",
  ALREADY_EXISTS: "ALREADY_SUBSCRIBED",
  PERMISSION_DENIED: "PERMISSION_DENIED",
  RESOURCE_EXHAUSTED: "TOO_MANY_REQUESTS",
  FAILED_PRECONDITION: "NOT_SUBSCRIBED",
  ABORTED: "OVERLOADED",
  OUT_OF_RANGE: "OUT_OF_RANGE",
  UNIMPLEMENTED: "UNKNOWN_METHOD",
  INTERNAL: "INTERNAL",
  UNAVAILABLE: "ENGINE_UNAVAILABLE",
  UNAUTHENTICATED: "UNAUTHENTICATED",
};

function codeFromStatusName(name: string): ErrorCode {
  return Object.hasOwn(codesByStatus, name) ? codesByStatus[name as keyof typeof codesByStatus] : "INTERNAL";
}

function codeFromGrpc(status: number): ErrorCode {
  const name = Object.entries(grpcStatus).find(([, value]) => value === status)?.[0];
  return codeFromStatusName(name ?? "");
}

function codeFromConnect(code: string): ErrorCode {
  return code === "canceled" ? "CANCELLED" : codeFromStatusName(code.toUpperCase());
}

function codeFromHttp(status: number): ErrorCode {
  const exact = Object.entries(errorKinds).find(([, kind]) => kind.http === status)?.[0];
  if (status === 502 || status === 503) return "ENGINE_UNAVAILABLE";
  if (status === 404) return "UNKNOWN_PATH";
  if (status === 429) return "TOO_MANY_REQUESTS";
  return knownCode(exact ?? "") ?? "INTERNAL";
}

/** grpc-message is percent-encoded (PROTOCOL-HTTP2.md "Status-Message"); a malformed one is shown as it came. */
function percentDecoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    // Decoders must not fail on it, says the same section.
    return text;
  }
}
