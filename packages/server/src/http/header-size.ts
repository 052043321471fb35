import { ConfabError } from "@confab/contract";

/** What a field counts besides its name and value: HTTP/2's rule (RFC 9113 §6.5.2), so that one limit is the same on both. */
export const fieldOverheadBytes = 32;

/**
 * A head is read up to this many times `maxHeaderBytes`: then its path and content type are known, and the error has the
 * form that its client understands. Above, the connection ends. This bounds the memory of one head.
 */
export const readHeaderFactor = 4;

export function headersTooLarge(maxHeaderBytes: number): ConfabError {
  return new ConfabError(
    "HEADERS_TOO_LARGE",
    `the request's headers are larger than ${maxHeaderBytes} bytes (maxHeaderBytes), with 32 bytes counted for each field`,
  );
}
