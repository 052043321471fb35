import { GatheredBytes } from "./gathered-bytes.js";

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
 * because a prefix announced it: what is held grows with what has come, to at most twice that.
 */
export class EnvelopeReader {
  /** The beginning of a prefix or a message whose rest has not come. */
  private readonly held = new GatheredBytes();
  private flags = 0;
  /** The length of the message whose prefix was read, or -1 between messages. */
  private length = -1;
  private isStopped = false;
  /** What came behind the message at which the taker paused. */
  private rest: Uint8Array = noBytes;

  constructor(
    private readonly maxBytes: number,
    private readonly onMessage: (flags: number, message: Uint8Array) => void,
    /** Called with the announced length; the reader takes nothing more. */
    private readonly onTooLarge: (length: number) => void,
    /** Whether the taker wants no message now. Asked before each; `goOn` when it does again. */
    private readonly isPaused: () => boolean = () => false,
  ) {}

  /** True between messages: a stream that ends elsewhere was cut off. */
  get isAtBoundary(): boolean {
    return this.length < 0 && this.held.length === 0 && this.rest.length === 0;
  }

  /** What is held of a prefix or a message whose rest has not come, in bytes. */
  get heldBytes(): number {
    return this.held.length;
  }

  /** The chunk is the reader's: messages are views into it where they lie in one chunk, which is the common case. */
  push(chunk: Uint8Array): void {
    let rest = this.rest.length === 0 ? chunk : joined(this.rest, chunk);
    this.rest = noBytes;
    while (!this.isStopped) {
      if (this.isPaused()) {
        this.rest = rest;
        return;
      }
      const wanted = this.length < 0 ? envelopeBytes : this.length;
      const missing = wanted - this.held.length;
      if (rest.length < missing) {
        this.held.push(rest, wanted);
        return;
      }
      const whole =
        this.held.length === 0 ? rest.subarray(0, wanted) : this.completed(rest.subarray(0, missing), wanted);
      rest = rest.subarray(missing);
      if (this.length < 0) this.begin(whole);
      else {
        this.length = -1;
        this.onMessage(this.flags, whole);
      }
    }
  }

  /** Take what came before the pause, until the next one. */
  goOn(): void {
    if (this.rest.length > 0) this.push(noBytes);
  }

  /** Take nothing more, and let go of what is held. */
  stop(): void {
    this.isStopped = true;
    this.rest = noBytes;
    this.held.take();
  }

  private begin(prefix: Uint8Array): void {
    this.flags = prefix[0] ?? 0;
    this.length = new DataView(prefix.buffer, prefix.byteOffset, envelopeBytes).getUint32(1);
    if (this.length <= this.maxBytes) return;
    this.isStopped = true;
    this.onTooLarge(this.length);
  }

  private completed(bytes: Uint8Array, wanted: number): Uint8Array {
    this.held.push(bytes, wanted);
    return this.held.take();
  }
}

const noBytes = new Uint8Array(0);

function joined(first: Uint8Array, second: Uint8Array): Uint8Array {
  if (second.length === 0) return first;
  const both = new Uint8Array(first.length + second.length);
  both.set(first);
  both.set(second, first.length);
  return both;
}
