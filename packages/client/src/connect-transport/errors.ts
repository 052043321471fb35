import { type ConfabError, confabErrorFrom, errorDetails, grpcStatus } from "@confab/contract";
import { type Code, ConnectError } from "@connectrpc/connect";

/** An error of the catalogue as Connect's clients know it, with the details that the server would send. */
export function connectErrorFrom(thrown: unknown): ConnectError {
  const error: ConfabError = confabErrorFrom(thrown);
  // Connect's codes are gRPC's, number by number.
  const code: Code = grpcStatus[error.kind.grpc];
  const connectError = new ConnectError(error.message, code, undefined, undefined, error);
  connectError.details = errorDetails(error).map(({ typeUrl, value }) => ({
    type: typeUrl.slice(typeUrl.lastIndexOf("/") + 1),
    value,
  }));
  return connectError;
}
