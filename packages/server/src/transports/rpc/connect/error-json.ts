import { anyUnpack } from "@bufbuild/protobuf/wkt";
import { connectCodeFrom, messageJson, type PayloadTypes } from "@confab/contract";
import type { ErrorStatusName, RpcStatus } from "../rpc-error.js";

/** The HTTP status of a Connect error (connectrpc.com/docs/protocol#error-codes): the protocol's own table, not the catalogue's. */
const httpStatus: Readonly<Record<ErrorStatusName, number>> = {
  CANCELLED: 499,
  UNKNOWN: 500,
  INVALID_ARGUMENT: 400,
  DEADLINE_EXCEEDED: 504,
  NOT_FOUND: 404,
  ALREADY_EXISTS: 409,
  PERMISSION_DENIED: 403,
  RESOURCE_EXHAUSTED: 429,
  FAILED_PRECONDITION: 400,
  ABORTED: 409,
  OUT_OF_RANGE: 400,
  UNIMPLEMENTED: 501,
  INTERNAL: 500,
  UNAVAILABLE: 503,
  DATA_LOSS: 500,
  UNAUTHENTICATED: 401,
};

export function connectStatus({ name }: RpcStatus): number {
  return httpStatus[name];
}

/** A Connect error (connectrpc.com/docs/protocol#error-end-stream). `debug` is for people; programs read `value`. */
export function connectErrorJson(
  { name, message: text, details }: RpcStatus,
  types: PayloadTypes,
): { readonly code: string; readonly message: string; readonly details: readonly object[] } {
  return {
    code: connectCodeFrom(name),
    message: text,
    details: details.map((any) => {
      const message = anyUnpack(any, types.registry);
      const schema = message && types.registry.getMessage(message.$typeName);
      return {
        type: any.typeUrl.slice(any.typeUrl.lastIndexOf("/") + 1),
        value: Buffer.from(any.value).toString("base64").replace(/=+$/, ""),
        ...(message && schema && { debug: JSON.parse(messageJson(schema, message, types)) }),
      };
    }),
  };
}
