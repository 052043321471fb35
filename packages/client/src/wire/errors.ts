import type { JsonValue } from "@bufbuild/protobuf";
import {
  ConfabError,
  type ErrorCode,
  type ErrorFacts,
  errorKinds,
  type GrpcStatusName,
  grpcStatus,
  parseJson,
} from "@confab/contract";
import * as contract from "@confab/contract/gen/confab/v1/tables";
import type { MessagePayload } from "../payload.js";
import { base64Decode } from "./base64.js";
import { decodeJson } from "./json.js";
import { isJsonObject } from "./payloads.js";
import { decodeProto } from "./proto.js";
import type { Decoded, Table } from "./table.js";

// The forms that one error of the catalogue has on the transports, back into that error. Where a peer is not our server (a
// proxy, say) there are no details, and the status alone decides.

/** `confab.v1.Error`, of a frame. */
export function errorFromWire({ code, message, details, retryAfter }: Decoded<typeof contract.error>): ConfabError {
  const error = errorFromDetails(details, message, knownCode(code) ?? "INTERNAL");
  if (retryAfter === undefined || error.facts.retryAfterMs !== undefined) return error;
  return new ConfabError(error.code, message, { ...error.facts, retryAfterMs: retryAfter });
}

/** `confab.v1.Error` as JSON: of a frame, a REST body or an SSE event. */
export function errorFromJson(json: JsonValue): ConfabError {
  if (!isJsonObject(json)) return new ConfabError("PROTOCOL_VIOLATION", "the server's error is not an object");
  return errorFromWire(decodeJson(contract.error, json));
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
  const details =
    encodedDetails === undefined ? [] : decodeProto(contract.status, base64Decode(encodedDetails)).details;
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

function connectDetail(json: JsonValue): MessagePayload[] {
  if (!isJsonObject(json) || typeof json["type"] !== "string" || typeof json["value"] !== "string") return [];
  return [{ typeUrl: `type.googleapis.com/${json["type"]}`, value: base64Decode(json["value"]) }];
}

/** Whose catalogue the `reason` of an ErrorInfo belongs to: ours. */
const errorDomain = "confab.v1";

/** The error that a server described by these details; `fallback` when they name no code of the catalogue. */
function errorFromDetails(details: readonly MessagePayload[], message: string, fallback: ErrorCode): ConfabError {
  let code = fallback;
  let facts: ErrorFacts = {};
  for (const detail of details) {
    switch (detail.typeUrl.slice(detail.typeUrl.lastIndexOf("/") + 1)) {
      case "google.rpc.ErrorInfo": {
        const info = readDetail(contract.errorInfo, detail);
        if (info?.domain === errorDomain) code = knownCode(info.reason) ?? code;
        break;
      }
      case "google.rpc.BadRequest": {
        const bad = readDetail(contract.badRequest, detail);
        const violations = bad?.fieldViolations.map(({ field, reason, description }) => ({
          field,
          rule: reason,
          message: description,
        }));
        if (violations) facts = { ...facts, violations };
        break;
      }
      case "google.rpc.RetryInfo": {
        const retryAfterMs = readDetail(contract.retryInfo, detail)?.retryDelay;
        if (retryAfterMs !== undefined) facts = { ...facts, retryAfterMs };
        break;
      }
      case "confab.v1.AvailableRange": {
        const { room = "", oldest, newest } = readDetail(contract.availableRange, detail) ?? {};
        if (oldest && newest)
          facts = { ...facts, range: { room, epoch: newest.epoch, oldest: oldest.offset, newest: newest.offset } };
        break;
      }
      default:
      // A newer server may say more; the rest of the error still stands.
    }
  }
  return new ConfabError(code, message, facts);
}

/** Undefined when the detail is not of the type that it names: the error itself still counts. */
function readDetail<T extends Table>(table: T, detail: MessagePayload): Decoded<T> | undefined {
  try {
    return "value" in detail ? decodeProto(table, detail.value) : decodeJson(table, detail.json);
  } catch {
    // Whoever sent it is not this program.
    return undefined;
  }
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
  ABORTED: "UNEXPECTED_POSITION",
  OUT_OF_RANGE: "OUT_OF_RANGE",
  UNIMPLEMENTED: "UNKNOWN_METHOD",
  INTERNAL: "INTERNAL",
  UNAVAILABLE: "ENGINE_UNAVAILABLE",
  DATA_LOSS: "DATA_LOSS",
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
