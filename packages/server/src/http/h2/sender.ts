import type { Fields } from "../exchange.js";
import { protocolWindowBytes, widened, windowOverflow } from "./flow-control.js";
import { defaultMaxFrameBytes, Flag, FrameType } from "./frame.js";
import { BlockCache, emptyTableUpdate } from "./hpack/encoder.js";
import type { Output } from "./output.js";
import { SendQueue } from "./send-queue.js";

/** The sending half of a stream, as far as the sender must know it. */
export interface SendingStream {
  readonly id: number;
  /** What the peer allows on this stream; negative after it lowered SETTINGS_INITIAL_WINDOW_SIZE. */
  sendWindowBytes: number;
  queue: SendQueue | undefined;
  /** Bytes that have left `queue`; those that never waited in it are not counted. */
  takenBytes: number;
  /** The body is complete; END_STREAM is due when the queue is empty. */
  isEnding: boolean;
  trailers: Fields | undefined;
  /** END_STREAM has been written. */
  sentEnd(): void;
  drained(): void;
}

/**
 * What one turn may collect for the socket before streams queue instead, in bytes: the memory that a fast producer can
 * make a connection hold. Above the 200 KB that a thousand streams of one gateway get in a turn of short messages.
 */
const maxTurnBytes = 256 * 1024;

/** Blocks of constant fields are the same on every connection, so they are remembered for all of them at once. */
const sharedBlocks = new BlockCache();

/**
 * Everything that leaves on streams: response heads, bodies as far as the peer's windows and the socket allow, ends. What
 * may not leave waits in the stream's queue. Streams that could send take turns, a frame each.
 */
export class Sender {
  /** The peer's SETTINGS_MAX_FRAME_SIZE. */
  maxFrameBytes: number = defaultMaxFrameBytes;
  /** The peer's SETTINGS_INITIAL_WINDOW_SIZE. */
  initialStreamWindowBytes = protocolWindowBytes;
  /** The peer's SETTINGS_HEADER_TABLE_SIZE fell below the default: the next block must say that ours is empty. */
  owesTableUpdate = false;
  /** HEADERS and DATA frames so far, each block of headers counted as one. */
  sentFrames = 0;

  readonly #output: Output;
  readonly #highWaterMarkBytes: number;
  readonly #socketLimitBytes: number;
  #windowBytes = protocolWindowBytes;
  /** Streams that have something queued and a window of their own to send it in. */
  readonly #ready = new Set<SendingStream>();
  /** Streams that were told to wait. */
  readonly #waiting = new Set<SendingStream>();

  /** `socketLimitBytes`: what the socket may hold before streams queue; at least the socket's own high-water mark, below
   *  which it does not tell when it has drained. */
  constructor(output: Output, highWaterMarkBytes: number, socketLimitBytes: number) {
    this.#output = output;
    this.#highWaterMarkBytes = highWaterMarkBytes;
    this.#socketLimitBytes = socketLimitBytes;
  }

  /** Send a response head, or trailers when `status` is 0. */
  head(streamId: number, status: number, fields: Fields, flags: number): void {
    this.sentFrames += 1;
    let block = sharedBlocks.block(status, fields);
    if (this.owesTableUpdate) {
      this.owesTableUpdate = false;
      block = Buffer.concat([Uint8Array.of(emptyTableUpdate), block]);
    }
    const limit = this.maxFrameBytes;
    if (block.length <= limit) {
      this.#output.frame(FrameType.HEADERS, flags | Flag.END_HEADERS, streamId, block);
      return;
    }
    this.#output.frame(FrameType.HEADERS, flags, streamId, block, 0, limit);
    for (let at = limit; at < block.length; at += limit) {
      const end = Math.min(block.length, at + limit);
      const isLast = end === block.length;
      this.#output.continuation(FrameType.CONTINUATION, isLast ? Flag.END_HEADERS : 0, streamId, block, at, end);
    }
  }

  /** Send or queue some of a body; false when the producer should wait for `drained`. */
  body(stream: SendingStream, bytes: Uint8Array): boolean {
    const length = bytes.length;
    if (
      stream.queue === undefined &&
      length <= this.maxFrameBytes &&
      length <= stream.sendWindowBytes &&
      length <= this.#windowBytes &&
      !this.isBackedUp
    ) {
      stream.sendWindowBytes -= length;
      this.#windowBytes -= length;
      this.sentFrames += 1;
      this.#output.bodyFrame(FrameType.DATA, 0, stream.id, bytes, 0, length);
      return true;
    }
    stream.queue ??= new SendQueue();
    stream.queue.push(bytes);
    if (stream.sendWindowBytes > 0) {
      this.#ready.add(stream);
      this.#sendQueued();
    }
    if (this.#mayWrite(stream)) return true;
    this.#waiting.add(stream);
    return false;
  }

  /** End a stream whose body is complete, now or when its queue has been sent. */
  end(stream: SendingStream): void {
    // Whoever has ended has nothing to wait for.
    this.#waiting.delete(stream);
    if (stream.queue !== undefined) return;
    const { id, trailers } = stream;
    if (trailers !== undefined && hasFields(trailers)) this.head(id, 0, trailers, Flag.END_STREAM);
    else if (!this.#output.amendLast(id, Flag.END_STREAM)) {
      this.#output.frame(FrameType.DATA, Flag.END_STREAM, id, noBytes);
    }
    stream.sentEnd();
  }

  /** The stream is gone; what it had queued is dropped. */
  forget(stream: SendingStream): void {
    stream.queue = undefined;
    this.#ready.delete(stream);
    this.#waiting.delete(stream);
  }

  /** @throws ConnectionError FLOW_CONTROL_ERROR when the connection's window passes 2^31-1. */
  widenConnection(increment: number): void {
    const window = widened(this.#windowBytes, increment);
    if (window === undefined) throw windowOverflow();
    this.#windowBytes = window;
  }

  /** False when the stream's window passes 2^31-1. The increment is negative when the peer lowers its setting. */
  widenStream(stream: SendingStream, increment: number): boolean {
    const window = widened(stream.sendWindowBytes, increment);
    if (window === undefined) return false;
    stream.sendWindowBytes = window;
    if (stream.queue !== undefined && window > 0) this.#ready.add(stream);
    return true;
  }

  /** Send what may be sent and tell those that waited; called when the turn ends. Calls listeners. */
  pump(): void {
    this.#sendQueued();
    if (this.#waiting.size === 0 || this.isBackedUp) return;
    for (const stream of [...this.#waiting]) {
      if (!this.#waiting.has(stream) || (stream.queue?.heldBytes ?? 0) * 2 > this.#highWaterMarkBytes) continue;
      this.#waiting.delete(stream);
      stream.drained();
    }
  }

  /** Whether `pump` could go on at once: the turn's limit stopped it, and not the peer. */
  get canPump(): boolean {
    return this.#ready.size > 0 && this.#windowBytes > 0 && !this.isBackedUp;
  }

  get isBackedUp(): boolean {
    return this.#output.socketBytes >= this.#socketLimitBytes || this.#output.turnBytes >= maxTurnBytes;
  }

  #mayWrite(stream: SendingStream): boolean {
    return !this.isBackedUp && (stream.queue === undefined || stream.queue.heldBytes <= this.#highWaterMarkBytes);
  }

  #sendQueued(): void {
    for (const stream of this.#ready) {
      if (this.#windowBytes <= 0 || this.isBackedUp) return;
      // Behind the others: a Set visits what is added while it is walked.
      this.#ready.delete(stream);
      if (this.#sendOne(stream)) this.#ready.add(stream);
    }
  }

  /** Send one frame from the stream's queue; true when more could follow. */
  #sendOne(stream: SendingStream): boolean {
    const queue = stream.queue;
    if (queue === undefined) return false;
    const start = queue.headOffset;
    const limit = Math.min(stream.sendWindowBytes, this.#windowBytes, this.maxFrameBytes);
    const end = Math.min(queue.head.length, start + limit);
    if (end <= start) return false;
    stream.sendWindowBytes -= end - start;
    this.#windowBytes -= end - start;
    this.sentFrames += 1;
    this.#output.bodyFrame(FrameType.DATA, 0, stream.id, queue.head, start, end);
    queue.advance(end - start);
    stream.takenBytes += end - start;
    if (queue.bytes > 0) return stream.sendWindowBytes > 0;
    stream.queue = undefined;
    if (stream.isEnding) this.end(stream);
    return false;
  }
}

const noBytes = new Uint8Array(0);

function hasFields(fields: Fields): boolean {
  for (const _ in fields) return true;
  return false;
}
