import { ConnectionError, ErrorCode } from "./frame.js";

/**
 * Where the content of a padded DATA or HEADERS payload ends; it begins one byte after `start` (RFC 9113 §6.1):
 *
 *    start                                        end
 *    [pad length n: 1] content …  [n bytes of padding]
 */
export function unpadded(bytes: Buffer, start: number, end: number): number {
  if (start === end) throw new ConnectionError(ErrorCode.FRAME_SIZE_ERROR, "a padded frame without a pad length");
  const contentEnd = end - (bytes[start] as number);
  if (contentEnd <= start) throw new ConnectionError(ErrorCode.PROTOCOL_ERROR, "more padding than frame");
  return contentEnd;
}
