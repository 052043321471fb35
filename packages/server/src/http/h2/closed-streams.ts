/** How many ended streams are remembered: more than a client can have had on the way when one of them ended. */
const rememberedStreams = 32;

/**
 * The streams that ended last. Frames for them may still be on the way: they are ignored after a reset of ours, and an
 * error after an end the client knew of (RFC 9113 §5.1). Older ones are all the same.
 */
export class ClosedStreams {
  readonly #ids = new Int32Array(rememberedStreams);
  #next = 0;

  add(streamId: number, wasResetByUs: boolean): void {
    this.#ids[this.#next] = wasResetByUs ? -streamId : streamId;
    this.#next = (this.#next + 1) % rememberedStreams;
  }

  has(streamId: number): boolean {
    return this.#ids.includes(streamId);
  }

  wasResetByUs(streamId: number): boolean {
    return this.#ids.includes(-streamId);
  }
}
