import type { Writable } from "node:stream";

const firstBytes = 1024 * 1024;
/** A thousand messages are one write; of a long log the next part waits until the reader has taken the last one. */
const writeBytes = 1024 * 1024;

/**
 * The least that keeps messages: their bytes one behind the other, as they are sent, and where each begins. It grows as
 * long as the bench publishes, which is what bounds it.
 */
export class FloorLog {
  #bytes = Buffer.allocUnsafeSlow(firstBytes);
  readonly #starts: number[] = [];
  #end = 0;

  /** `bytes`: the frames, one behind the other. */
  append(frames: readonly Buffer[], bytes: Buffer): void {
    if (this.#end + bytes.length > this.#bytes.length) {
      // The old bytes stay as they are: sockets may hold them.
      const larger = Buffer.allocUnsafeSlow(2 * this.#bytes.length + bytes.length);
      larger.set(this.#bytes.subarray(0, this.#end));
      this.#bytes = larger;
    }
    this.#bytes.set(bytes, this.#end);
    for (const frame of frames) {
      this.#starts.push(this.#end);
      this.#end += frame.length;
    }
  }

  /** Write everything from message number `from` on. `isLive` is called in the same turn as the last write: nothing is between. */
  write(socket: Writable, from: number, isLive: () => void): void {
    this.#writeFrom(socket, this.#starts[from] ?? this.#end, isLive);
  }

  #writeFrom(socket: Writable, start: number, isLive: () => void): void {
    let at = start;
    while (at < this.#end) {
      const part = this.#bytes.subarray(at, Math.min(at + writeBytes, this.#end));
      at += part.length;
      if (!socket.write(part) && at < this.#end) {
        socket.once("drain", () => this.#writeFrom(socket, at, isLive));
        return;
      }
    }
    isLive();
  }
}
