import { create, toBinary } from "@bufbuild/protobuf";
import { grpcStatus } from "@confab/contract";
import { StatusSchema } from "@confab/contract/gen/google/rpc/status_pb";
import type { Fields } from "../../../http/exchange.js";
import type { RpcStatus } from "../rpc-error.js";

/** The trailers of a call that went well. One object for all, so that its encoding is made once. */
export const okTrailers: Fields = { "grpc-status": "0" };

/**
 * Longest message in a trailer, in characters. Peers bound their headers to 8 KiB and up, and a message stands in the
 * trailers twice: percent-encoded, and in the details. What it may quote (a path, a header, a name) has no such bound.
 */
const maxMessageCharacters = 512;

/** The trailers of a failed call: status, message and details (grpc/doc/PROTOCOL-HTTP2.md "Status-Details"). */
export function errorTrailers({ name, message: text, details }: RpcStatus): Fields {
  const code = grpcStatus[name];
  const message = shortened(text);
  const status = create(StatusSchema, { code, message, details: [...details] });
  return {
    "grpc-status": String(code),
    "grpc-message": percentEncoded(message),
    "grpc-status-details-bin": Buffer.from(toBinary(StatusSchema, status)).toString("base64").replace(/=+$/, ""),
  };
}

function shortened(text: string): string {
  if (text.length <= maxMessageCharacters) return text;
  // Not through the middle of a surrogate pair: half of one has no UTF-8.
  return `${text.slice(0, maxMessageCharacters).replace(/[\ud800-\udbff]$/, "")}…`;
}

/** UTF-8 with everything but printable ASCII, and `%` itself, as %XX (grpc/doc/PROTOCOL-HTTP2.md "Percent-Encoded"). */
function percentEncoded(text: string): string {
  let encoded = "";
  for (const byte of Buffer.from(text)) {
    encoded +=
      byte >= 0x20 && byte <= 0x7e && byte !== 0x25
        ? String.fromCharCode(byte)
        : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
  }
  return encoded;
}
