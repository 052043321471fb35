import { promisify } from "node:util";
import { gzip } from "node:zlib";
import { ConfabError } from "@confab/contract";
import { gunzip } from "../../http/gunzip.js";

const gzipAsync = promisify(gzip);

/** Replies shorter than this leave as they are: gzip would gain less than it costs. In bytes. */
export const minCompressedBytes = 1_024;

/** @throws UNSUPPORTED_COMPRESSION, unless it is identity or gzip. True for gzip. */
export function isGzipNamed(encoding: string | undefined): boolean {
  if (encoding === undefined || encoding === "" || encoding === "identity") return false;
  if (encoding === "gzip") return true;
  throw new ConfabError(
    "UNSUPPORTED_COMPRESSION",
    `compression ${JSON.stringify(encoding)} is not supported; use identity or gzip`,
  );
}

/** Whether a header such as `grpc-accept-encoding` names gzip. */
export function acceptsGzip(header = ""): boolean {
  return header.split(",").some((name) => name.trim() === "gzip");
}

/**
 * What a protocol says of a message that is not the gzip it is called: gRPC, and gRPC-Web with it, INTERNAL
 * (grpc/doc/statuscodes.md, "Could not decompress, but compression algorithm supported"); Connect invalid_argument, as its
 * other implementations do.
 */
export type BrokenGzipCode = "BROKEN_COMPRESSION" | "MALFORMED_MESSAGE";

export function compress(message: Uint8Array): Promise<Uint8Array> {
  return gzipAsync(message);
}

/**
 * Decompress one message of a stream. Synchronous, so that messages keep their order; the bound keeps it short, and keeps a
 * bomb from unfolding.
 *
 * @throws PAYLOAD_TOO_LARGE, or `brokenCode`: it is not gzip.
 */
export function decompress(
  bytes: Uint8Array,
  maxBytes: number,
  brokenCode: BrokenGzipCode = "MALFORMED_MESSAGE",
): Uint8Array {
  return gunzip(bytes, maxBytes, {
    tooLarge: (cause) =>
      new ConfabError("PAYLOAD_TOO_LARGE", `the message unfolds to more than ${maxBytes} bytes`, { cause }),
    broken: (cause) => new ConfabError(brokenCode, "the message is not gzip", { cause }),
  });
}
