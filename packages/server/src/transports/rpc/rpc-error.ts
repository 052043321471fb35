import type { Any } from "@bufbuild/protobuf/wkt";
import { ConfabError, confabErrorFrom, errorDetails, type GrpcStatusName, type PayloadTypes } from "@confab/contract";

export type ErrorStatusName = Exclude<GrpcStatusName, "OK">;

/** A status that a service other than the contract's raises: any code of gRPC, with its own details. */
export class RpcStatusError extends Error {
  override readonly name = "RpcStatusError";

  constructor(
    readonly status: ErrorStatusName,
    message: string,
    readonly details: readonly Any[] = [],
  ) {
    super(message);
  }
}

/** Why a call failed. */
export type RpcError = ConfabError | RpcStatusError;

/** What a handler threw. What is neither becomes INTERNAL. */
export function rpcErrorFrom(thrown: unknown): RpcError {
  return thrown instanceof RpcStatusError ? thrown : confabErrorFrom(thrown);
}

/** A bug in the server, which the client is told no more of than that. */
export function isBug(error: RpcError): error is ConfabError {
  return error instanceof ConfabError && error.code === "INTERNAL";
}

export interface RpcStatus {
  readonly name: ErrorStatusName;
  readonly message: string;
  readonly details: readonly Any[];
}

/** Turns errors into the statuses that clients are given. */
export class Statuses {
  constructor(
    /** What JSON may show of the details. */
    readonly types: PayloadTypes,
    /** What an error of the catalogue brings; an RpcStatusError brings its own. */
    private readonly detailsOf: (error: ConfabError) => readonly Any[] = errorDetails,
  ) {}

  of(error: RpcError): RpcStatus {
    return error instanceof RpcStatusError
      ? { name: error.status, message: error.message, details: error.details }
      : { name: error.kind.grpc, message: error.message, details: this.detailsOf(error) };
  }
}
