/** gRPC status codes that the catalogue uses, by name (grpc/doc/statuscodes.md). */
export const grpcStatus = {
  OK: 0,
  CANCELLED: 1,
  UNKNOWN: 2,
  INVALID_ARGUMENT: 3,
  DEADLINE_EXCEEDED: 4,
  NOT_FOUND: 5,
  ALREADY_EXISTS: 6,
  PERMISSION_DENIED: 7,
  RESOURCE_EXHAUSTED: 8,
  FAILED_PRECONDITION: 9,
  ABORTED: 10,
  OUT_OF_RANGE: 11,
  UNIMPLEMENTED: 12,
  INTERNAL: 13,
  UNAVAILABLE: 14,
  DATA_LOSS: 15,
  UNAUTHENTICATED: 16,
} as const;

export type GrpcStatusName = keyof typeof grpcStatus;

/** One row of the catalogue: the form that an error takes on each transport. What it means is in error-meanings.ts. */
export interface ErrorKind {
  readonly grpc: Exclude<GrpcStatusName, "OK">;
  readonly http: number;
  /** The WebSocket close code when this error ends the connection; without one the error is a frame and the connection lives. */
  readonly close?: number;
  /** Whether the same request may succeed later. */
  readonly retry: boolean;
}

/**
 * Every error a client can see. The Connect code is the gRPC status in lower case, so it has no column of its own.
 *
 * Close codes: 1000..1015 where RFC 6455 §7.4.1 has a meaning that fits, else 4000..4499 for "do not come back as you
 * are" and 4500..4999 for "come back".
 */
export const errorKinds = {
  MALFORMED_MESSAGE: { grpc: "INVALID_ARGUMENT", http: 400, retry: false },
  WRONG_FRAME_TYPE: { grpc: "INVALID_ARGUMENT", http: 400, close: 1003, retry: false },
  INVALID_MESSAGE: { grpc: "INVALID_ARGUMENT", http: 400, retry: false },
  PAYLOAD_TOO_LARGE: { grpc: "RESOURCE_EXHAUSTED", http: 413, close: 1009, retry: false },
  UNKNOWN_METHOD: { grpc: "UNIMPLEMENTED", http: 404, retry: false },
  UNKNOWN_PATH: { grpc: "NOT_FOUND", http: 404, retry: false },
  UNKNOWN_HOST: { grpc: "PERMISSION_DENIED", http: 421, retry: false },
  METHOD_NOT_ALLOWED: { grpc: "UNIMPLEMENTED", http: 405, retry: false },
  UNSUPPORTED_MEDIA_TYPE: { grpc: "INVALID_ARGUMENT", http: 415, retry: false },
  UNSUPPORTED_COMPRESSION: { grpc: "UNIMPLEMENTED", http: 415, retry: false },
  UNSUPPORTED_SUBPROTOCOL: { grpc: "INVALID_ARGUMENT", http: 400, retry: false },
  PROTOCOL_VIOLATION: { grpc: "INVALID_ARGUMENT", http: 400, close: 1002, retry: false },
  WRONG_MESSAGE_COUNT: { grpc: "UNIMPLEMENTED", http: 400, retry: false },
  BROKEN_COMPRESSION: { grpc: "INTERNAL", http: 400, retry: false },
  INVALID_TIMEOUT: { grpc: "INVALID_ARGUMENT", http: 400, retry: false },
  DEADLINE_EXCEEDED: { grpc: "DEADLINE_EXCEEDED", http: 504, retry: true },
  CANCELLED: { grpc: "CANCELLED", http: 499, retry: true },
  OUT_OF_RANGE: { grpc: "OUT_OF_RANGE", http: 416, close: 4010, retry: false },
  // ABORTED is gRPC's status for a test-and-set that fails: read again, then decide again (grpc/doc/statuscodes.md).
  UNEXPECTED_POSITION: { grpc: "ABORTED", http: 409, retry: false },
  MESSAGE_DELETED: { grpc: "FAILED_PRECONDITION", http: 410, retry: false },
  ALREADY_SUBSCRIBED: { grpc: "ALREADY_EXISTS", http: 409, retry: false },
  NOT_SUBSCRIBED: { grpc: "FAILED_PRECONDITION", http: 412, retry: false },
  TOO_MANY_SUBSCRIPTIONS: { grpc: "RESOURCE_EXHAUSTED", http: 429, retry: false },
  TOO_MANY_FILTERS: { grpc: "RESOURCE_EXHAUSTED", http: 429, close: 4530, retry: true },
  TOO_MANY_CONNECTIONS: { grpc: "RESOURCE_EXHAUSTED", http: 503, close: 4513, retry: true },
  TOO_MANY_REQUESTS: { grpc: "RESOURCE_EXHAUSTED", http: 429, close: 4529, retry: true },
  RATE_LIMITED: { grpc: "RESOURCE_EXHAUSTED", http: 429, retry: true },
  TOO_MANY_ROOMS: { grpc: "RESOURCE_EXHAUSTED", http: 507, retry: false },
  TOO_MANY_READ_MARKS: { grpc: "RESOURCE_EXHAUSTED", http: 507, retry: false },
  HEADERS_TOO_LARGE: { grpc: "RESOURCE_EXHAUSTED", http: 431, retry: false },
  REQUEST_TIMEOUT: { grpc: "DEADLINE_EXCEEDED", http: 408, close: 4508, retry: true },
  UNAUTHENTICATED: { grpc: "UNAUTHENTICATED", http: 401, close: 4001, retry: false },
  TOKEN_EXPIRED: { grpc: "UNAUTHENTICATED", http: 401, close: 4002, retry: false },
  KEYS_UNAVAILABLE: { grpc: "UNAVAILABLE", http: 503, close: 4514, retry: true },
  PERMISSION_DENIED: { grpc: "PERMISSION_DENIED", http: 403, close: 4003, retry: false },
  DISCONNECTED: { grpc: "PERMISSION_DENIED", http: 403, close: 4005, retry: false },
  HOOK_REFUSED: { grpc: "PERMISSION_DENIED", http: 403, close: 4004, retry: false },
  HOOK_FAILED: { grpc: "UNAVAILABLE", http: 503, close: 4515, retry: true },
  STORAGE_FULL: { grpc: "RESOURCE_EXHAUSTED", http: 507, retry: true },
  OVERLOADED: { grpc: "UNAVAILABLE", http: 503, retry: true },
  NEWER_FORMAT: { grpc: "UNAVAILABLE", http: 503, retry: true },
  ENGINE_UNAVAILABLE: { grpc: "UNAVAILABLE", http: 503, retry: true },
  OUTCOME_UNKNOWN: { grpc: "UNAVAILABLE", http: 503, retry: true },
  SHUTTING_DOWN: { grpc: "UNAVAILABLE", http: 503, close: 1012, retry: true },
  RECONNECT: { grpc: "UNAVAILABLE", http: 503, close: 4516, retry: true },
  PING_TIMEOUT: { grpc: "UNAVAILABLE", http: 408, close: 4509, retry: true },
  SLOW_READER: { grpc: "UNAVAILABLE", http: 408, close: 4510, retry: true },
  IDLE_STREAM: { grpc: "UNAVAILABLE", http: 503, retry: true },
  DATA_LOSS: { grpc: "DATA_LOSS", http: 500, close: 4015, retry: false },
  INTERNAL: { grpc: "INTERNAL", http: 500, close: 1011, retry: true },
} as const satisfies Record<string, ErrorKind>;

export type ErrorCode = keyof typeof errorKinds;

/** One constraint of the contract that a message breaks. */
export interface Violation {
  /** The field, as a path in proto names: `user`, `reader.after.offset`. Empty: the message as a whole. */
  readonly field: string;
  /** The rule's id, protovalidate's where the rule is a standard one: `string.max_len`. */
  readonly rule: string;
  /** For people: what the rule asks. */
  readonly message: string;
}

/** What an error says beyond its code and message, in types that all transports can carry. */
export interface ErrorFacts {
  readonly violations?: readonly Violation[];
  /** What the log of the room holds, with OUT_OF_RANGE and UNEXPECTED_POSITION. Offsets of one epoch. */
  readonly range?: { readonly room: string; readonly epoch: number; readonly oldest: number; readonly newest: number };
  /** Wait at least this long before a retry, in milliseconds. A `ConfabError` has it rounded up to a whole number within a day. */
  readonly retryAfterMs?: number;
  /** What went wrong underneath: for the log, never sent. */
  readonly cause?: unknown;
}

/** An error with a place in the catalogue: the only kind that reaches a client. */
export class ConfabError extends Error {
  override readonly name = "ConfabError";
  readonly code: ErrorCode;
  readonly facts: ErrorFacts;

  constructor(code: ErrorCode, message: string, facts: ErrorFacts = {}) {
    super(message, facts.cause === undefined ? undefined : { cause: facts.cause });
    this.code = code;
    this.facts = facts.retryAfterMs === undefined ? facts : { ...facts, retryAfterMs: wholeWaitMs(facts.retryAfterMs) };
  }

  get kind(): ErrorKind {
    return errorKinds[this.code];
  }
}

const maxWaitMs = 86_400_000;

/** Differences of clocks have fractions, of which some have no `google.protobuf.Duration`. */
function wholeWaitMs(ms: number): number {
  return Math.min(maxWaitMs, Math.ceil(Math.max(0, ms) || 0));
}

/** Violations that an error carries: a payload with a long list can break a rule in each item, and trailers have to hold them all. */
const maxViolations = 16;

/** INVALID_MESSAGE for the violations of a message, of which there is at least one. It says how many were left out. */
export function invalidMessage(violations: readonly Violation[]): ConfabError {
  const told = violations.slice(0, maxViolations);
  const texts = told.map(({ field, message }) => (field === "" ? message : `${field}: ${message}`));
  if (violations.length > told.length) texts.push(`and ${violations.length - told.length} more`);
  return new ConfabError("INVALID_MESSAGE", texts.join("; "), { violations: told });
}

/** Any thrown value as an error of the catalogue: what is not one is INTERNAL, and keeps its text to itself. */
export function confabErrorFrom(thrown: unknown): ConfabError {
  if (thrown instanceof ConfabError) return thrown;
  return new ConfabError("INTERNAL", "internal error", { cause: thrown });
}

/** The Connect code of a gRPC status: its name in lower case (connectrpc.com/docs/protocol#error-codes). */
export function connectCodeFrom(status: Exclude<GrpcStatusName, "OK">): string {
  // Connect spells this one word the American way; every other name is the status in lower case.
  return status === "CANCELLED" ? "canceled" : status.toLowerCase();
}
