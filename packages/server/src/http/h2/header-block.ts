import { ConnectionError, ErrorCode } from "./frame.js";
import { maxContinuationFrames } from "./guard.js";

/** A header block whose HEADERS frame did not end it: collected from CONTINUATION frames (RFC 9113 §6.10). */
export class OpenHeaderBlock {
  readonly streamId: number;
  readonly isStreamEnd: boolean;
  readonly #maxBytes: number;
  #bytes: Buffer;
  #continuations = 0;

  /** `maxBytes` bounds the compressed block; past it the connection ends, as the block cannot be decoded any more. */
  constructor(streamId: number, isStreamEnd: boolean, fragment: Buffer, maxBytes: number) {
    this.streamId = streamId;
    this.isStreamEnd = isStreamEnd;
    this.#bytes = fragment;
    this.#maxBytes = maxBytes;
  }

  get bytes(): Buffer {
    return this.#bytes;
  }

  append(fragment: Buffer): void {
    this.#continuations += 1;
    if (this.#continuations > maxContinuationFrames) {
      throw new ConnectionError(ErrorCode.ENHANCE_YOUR_CALM, `more than ${maxContinuationFrames} CONTINUATION frames`);
    }
    if (this.#bytes.length + fragment.length > this.#maxBytes) {
      throw new ConnectionError(ErrorCode.ENHANCE_YOUR_CALM, `a header block of more than ${this.#maxBytes} bytes`);
    }
    this.#bytes = Buffer.concat([this.#bytes, fragment]);
  }
}
