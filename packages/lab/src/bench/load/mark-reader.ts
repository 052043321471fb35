import { marker, markLength, sequenceDigits, timeDigits } from "./chat-text.js";

/** Called for each mark: which message it is and when it was due to be sent, in µs of the load's clock. */
export type OnMark = (sequence: number, scheduledUs: number) => void;

const sequenceAt = marker.length;
const timeAt = sequenceAt + sequenceDigits + 1;

/**
 * Finds the marks in one subscriber's payload bytes, also those torn over two pieces. It costs more than counting
 * frames, so only a few subscribers are read in this way.
 */
export class MarkReader {
  readonly #onMark: OnMark;
  #tail = Buffer.alloc(0);

  constructor(onMark: OnMark) {
    this.#onMark = onMark;
  }

  /** Take the payload at `bytes[start, end)`; it is not kept beyond the call. */
  push(bytes: Buffer, start: number, end: number): void {
    const piece =
      this.#tail.length === 0 ? bytes.subarray(start, end) : Buffer.concat([this.#tail, bytes.subarray(start, end)]);
    let searched = 0;
    for (;;) {
      const at = piece.indexOf(marker, searched);
      if (at === -1 || at + markLength > piece.length) {
        // A mark may begin in the last bytes even where the marker itself is not whole yet.
        const keptFrom = at === -1 ? Math.max(searched, piece.length - marker.length + 1) : at;
        this.#tail = Buffer.from(piece.subarray(keptFrom));
        return;
      }
      this.#onMark(digits(piece, at + sequenceAt, sequenceDigits), digits(piece, at + timeAt, timeDigits));
      searched = at + markLength;
    }
  }
}

/** How many marks stand in `bytes[start, end)`, for payloads that are whole. */
export function countMarks(bytes: Buffer, start: number, end: number): number {
  let count = 0;
  for (let at = bytes.indexOf(marker, start); at !== -1 && at < end; at = bytes.indexOf(marker, at + markLength))
    count += 1;
  return count;
}

/**
 * The number of the last message whose mark is whole in `bytes[start, end)`. Only the end is looked at: where many come
 * together, most are of no interest.
 */
export function lastSequence(bytes: Buffer, start: number, end: number): number | undefined {
  const latest = end - markLength;
  // A negative place would be one counted from the buffer's end, where there are other readers' bytes.
  const at = latest < start ? -1 : bytes.lastIndexOf(marker, latest);
  return at < start ? undefined : digits(bytes, at + sequenceAt, sequenceDigits);
}

function digits(bytes: Buffer, at: number, length: number): number {
  let value = 0;
  for (let index = at; index < at + length; index += 1) value = value * 10 + (bytes[index] ?? 0) - 0x30;
  return value;
}
