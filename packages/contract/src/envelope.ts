/**
 * The prefix of each message on a gRPC, gRPC-Web and Connect stream: one byte of flags, four of length, big-endian
 * (grpc/doc/PROTOCOL-HTTP2.md "Length-Prefixed-Message"; connectrpc.com/docs/protocol "Enveloped-Message").
 */
export const envelopeBytes = 5;

export const envelopeFlag = {
  compressed: 0x01,
  /** Connect: the last envelope of a response, JSON with the outcome. */
  connectEnd: 0x02,
  /** gRPC-Web: the last envelope of a response, trailers in HTTP/1 form. */
  grpcWebTrailers: 0x80,
} as const;

/** Write an envelope's prefix and return the place after it. */
export function writeEnvelope(target: Uint8Array, at: number, flags: number, length: number): number {
  target[at] = flags;
  target[at + 1] = length >>> 24;
  target[at + 2] = (length >>> 16) & 0xff;
  target[at + 3] = (length >>> 8) & 0xff;
  target[at + 4] = length & 0xff;
  return at + envelopeBytes;
}

/** One message in its envelope, as new bytes. */
export function enveloped(flags: number, message: Uint8Array): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(envelopeBytes + message.length);
  bytes.set(message, writeEnvelope(bytes, 0, flags, message.length));
  return bytes;
}

/**
 * Takes envelopes out of a stream of bytes, whatever the chunks.
 *
 * `maxBytes` bounds a message: a longer one is refused as soon as its prefix is read, and nothing is ever allocated
 * because a prefix announced it.
 */
export class EnvelopeReader {
  private pending: Uint8Array[] = [];
  private pendingBytes = 0;
  private flags = 0;
  /** The length of the message whose prefix was read, or -1 between messages. */
  private length = -1;

  constructor(
    private readonly maxBytes: number,
    private readonly onMessage: (flags: number, message: Uint8Array) => void,
    /** Called with the announced length; the reader takes nothing more. */
    private readonly onTooLarge: (length: number) => void,
  ) {}

  /** True between messages: a stream that ends elsewhere was cut off. */
  get isAtBoundary(): boolean {
    return this.length < 0 && this.pendingBytes === 0;
  }

  push(chunk: Uint8Array): void {
    if (chunk.length === 0) return;
    this.pending.push(chunk);
    this.pendingBytes += chunk.length;
    for (;;) {
      if (this.length < 0) {
        if (this.pendingBytes < envelopeBytes) return;
        const prefix = this.take(envelopeBytes);
        this.flags = prefix[0] ?? 0;
        const view = new DataView(prefix.buffer, prefix.byteOffset, envelopeBytes);
        this.length = view.getUint32(1);
        if (this.length > this.maxBytes) {
          this.pending = [];
          this.pendingBytes = 0;
          this.onTooLarge(this.length);
          return;
        }
      }
      if (this.pendingBytes < this.length) return;
      const message = this.length === 0 ? noBytes : this.take(this.length);
      this.length = -1;
      this.onMessage(this.flags, message);
    }
  }

  /** Take bytes off the front: a view where they lie in one chunk, which is the common case, else a copy. */
  private take(length: number): Uint8Array {
    this.pendingBytes -= length;
    const first = this.pending[0] ?? noBytes;
    if (first.length > length) {
      this.pending[0] = first.subarray(length);
      return first.subarray(0, length);
    }
    if (first.length === length) {
      this.pending.shift();
      return first;
    }
    const whole = new Uint8Array(length);
    let at = 0;
    while (at < length) {
      const chunk = this.pending[0] ?? noBytes;
      const part = chunk.length > length - at ? chunk.subarray(0, length - at) : chunk;
      whole.set(part, at);
      at += part.length;
      if (part.length === chunk.length) this.pending.shift();
      else this.pending[0] = chunk.subarray(part.length);
    }
    return whole;
  }
}

const noBytes = new Uint8Array(0);
