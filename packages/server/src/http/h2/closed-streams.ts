/**
 * The streams that ended last. Frames for them may still be on the way: they are ignored after a reset of ours, and an
 * error after an end the client knew of (RFC 9113 §5.1). Older ones are all the same.
 */
export class ClosedStreams {
  readonly #count: number;
  #ids: Int32Array | undefined;
  #next = 0;

  /** `count`: how many are remembered; all that may be open at once may also end at once. */
  constructor(count: number) {
    this.#count = count;
  }

  add(streamId: number, wasResetByUs: boolean): void {
    this.#ids ??= new Int32Array(this.#count);
    this.#ids[this.#next] = wasResetByUs ? -streamId : streamId;
    this.#next = (this.#next + 1) % this.#count;
  }

  has(streamId: number): boolean {
    return this.#ids?.includes(streamId) ?? false;
  }

  wasResetByUs(streamId: number): boolean {
    return this.#ids?.includes(-streamId) ?? false;
  }
}
