import { ConnectionError, ErrorCode, max31Bit } from "./frame.js";

/** What a window is before anybody says otherwise, on streams and on the connection, in bytes (RFC 9113 §6.9.2). */
export const protocolWindowBytes = 65_535;

/**
 * How much of one request's body a client may send ahead of its reader, in bytes. One round trip at 100 Mbit/s and 20 ms;
 * also what a paused request may make us hold.
 */
export const streamWindowBytes = 256 * 1024;

/**
 * The same for all requests of a connection together: four streams at full speed, and the most that one connection can
 * make us hold, however many streams it opens.
 */
export const connectionWindowBytes = 1024 * 1024;

/** What the peer may still send to us, and when to tell it that it may send more. */
export class ReceiveWindow {
  readonly #sizeBytes: number;
  #leftBytes: number;
  #consumedBytes = 0;

  constructor(sizeBytes: number) {
    this.#sizeBytes = sizeBytes;
    this.#leftBytes = sizeBytes;
  }

  /** What the peer may send without being told anything more. */
  get leftBytes(): number {
    return this.#leftBytes;
  }

  /** False when the peer sent more than it was allowed. */
  take(count: number): boolean {
    this.#leftBytes -= count;
    return this.#leftBytes >= 0;
  }

  /**
   * `count` bytes have been read by whom they are for. Returns the increment to announce now, 0 for none: half a window
   * at a time, so that updates are few and the peer never waits for one while we keep up.
   */
  consume(count: number): number {
    this.#consumedBytes += count;
    if (this.#consumedBytes * 2 < this.#sizeBytes) return 0;
    const increment = this.#consumedBytes;
    this.#leftBytes += increment;
    this.#consumedBytes = 0;
    return increment;
  }
}

/** Add an increment to a window of ours; undefined when it passes 2^31-1, which is an error (RFC 9113 §6.9.1). */
export function widened(windowBytes: number, increment: number): number | undefined {
  const sum = windowBytes + increment;
  return sum > max31Bit ? undefined : sum;
}

export function windowOverflow(): ConnectionError {
  return new ConnectionError(ErrorCode.FLOW_CONTROL_ERROR, "a flow-control window passed 2^31-1");
}
