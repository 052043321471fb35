import type { Socket } from "node:net";
import { frameHeaderBytes, writeFrameHeader } from "./frame.js";
import type { Slab } from "./slab.js";

/**
 * Bodies up to this size are copied behind their frame header, larger ones are passed on by reference. Measured on
 * loopback: two buffers in one `writev` cost 0.8 µs more than one buffer, the same as copying 2 to 4 KiB.
 */
const copiedBodyBytes = 2048;

/** When a turn left several pieces, they are joined up to this size rather than written one by one; same measurement. */
const joinedBytes = 4096;

/** Is told when there is something to flush. */
export interface OutputOwner {
  wake(): void;
}

/**
 * The frames that a connection sends in this turn of the event loop, in order, until `flush` gives them to the socket in
 * one write.
 *
 *   pieces:  [ slab: HEADERS, DATA header ] [ body, shared ] [ slab: HEADERS … growing ]
 *                                                             ^ #start      ^ #end
 */
export class Output {
  /** Bytes of this turn that the socket has not been given. */
  turnBytes = 0;
  /** Bytes that the socket held when it was last looked at; the truth may be less. */
  socketBytes = 0;

  readonly #socket: Socket;
  readonly #slab: Slab;
  readonly #owner: OutputOwner;
  readonly #pieces: Uint8Array[] = [];
  #growing: Buffer;
  #start = 0;
  #end = 0;
  /** Where the flags of the last frame lie, as long as that frame may still be changed, and whose it is. */
  #lastFlagsIn: Buffer;
  #lastFlagsAt = 0;
  #lastStreamId = 0;

  constructor(socket: Socket, slab: Slab, owner: OutputOwner) {
    this.#socket = socket;
    this.#owner = owner;
    this.#slab = slab;
    this.#growing = slab.bytes;
    this.#lastFlagsIn = slab.bytes;
  }

  /** Bytes that this process still holds for the peer. */
  get heldBytes(): number {
    return this.turnBytes + this.socketBytes;
  }

  /** One frame whose payload is copied, from `start` to `end`. */
  frame(type: number, flags: number, streamId: number, payload: Uint8Array, start = 0, end = payload.length): void {
    const length = end - start;
    const at = this.#append(frameHeaderBytes + length);
    const out = this.#growing;
    writeFrameHeader(out, at, length, type, flags, streamId);
    this.#remember(at, streamId);
    copy(payload, start, end, out, at + frameHeaderBytes);
  }

  /** One frame whose payload is a 32-bit number: WINDOW_UPDATE or RST_STREAM. */
  numberFrame(type: number, streamId: number, value: number): void {
    const at = this.#append(frameHeaderBytes + 4);
    writeFrameHeader(this.#growing, at, 4, type, 0, streamId);
    this.#growing.writeInt32BE(value | 0, at + frameHeaderBytes);
    this.#lastStreamId = 0;
  }

  /** One frame whose payload may be large and shared: it is not copied unless it is small. */
  bodyFrame(type: number, flags: number, streamId: number, payload: Uint8Array, start: number, end: number): void {
    const length = end - start;
    if (length <= copiedBodyBytes) return this.frame(type, flags, streamId, payload, start, end);
    const at = this.#append(frameHeaderBytes);
    writeFrameHeader(this.#growing, at, length, type, flags, streamId);
    this.#remember(at, streamId);
    this.#seal();
    this.#pieces.push(length === payload.length ? payload : payload.subarray(start, end));
    this.turnBytes += length;
  }

  /** Set flags on the last frame; false when that frame is not of this stream or has left already. */
  amendLast(streamId: number, flags: number): boolean {
    if (this.#lastStreamId !== streamId) return false;
    this.#lastFlagsIn[this.#lastFlagsAt] = (this.#lastFlagsIn[this.#lastFlagsAt] as number) | flags;
    this.#lastStreamId = 0;
    return true;
  }

  /** CONTINUATION belongs to the HEADERS before it, whose flags are the ones to amend. */
  continuation(type: number, flags: number, streamId: number, payload: Uint8Array, start: number, end: number): void {
    const at = this.#append(frameHeaderBytes + end - start);
    writeFrameHeader(this.#growing, at, end - start, type, flags, streamId);
    copy(payload, start, end, this.#growing, at + frameHeaderBytes);
  }

  /** Give the turn's bytes to the socket, in one write. */
  flush(): void {
    if (this.turnBytes === 0) return;
    this.#seal();
    this.#lastStreamId = 0;
    const pieces = this.#pieces;
    const socket = this.#socket;
    if (pieces.length === 1) socket.write(pieces[0] as Uint8Array);
    else if (this.turnBytes <= joinedBytes) socket.write(Buffer.concat(pieces, this.turnBytes));
    else {
      socket.cork();
      for (const piece of pieces) socket.write(piece);
      socket.uncork();
    }
    pieces.length = 0;
    this.turnBytes = 0;
    this.socketBytes = socket.writableLength;
  }

  #append(count: number): number {
    if (this.turnBytes === 0) this.#owner.wake();
    const slab = this.#slab;
    slab.reserve(count);
    if (this.#growing !== slab.bytes || this.#end !== slab.used) {
      this.#seal();
      this.#growing = slab.bytes;
      this.#start = slab.used;
    }
    const at = slab.used;
    slab.used += count;
    this.#end = slab.used;
    this.turnBytes += count;
    return at;
  }

  #seal(): void {
    if (this.#end > this.#start) this.#pieces.push(this.#growing.subarray(this.#start, this.#end));
    this.#start = this.#end;
  }

  #remember(at: number, streamId: number): void {
    this.#lastFlagsIn = this.#growing;
    this.#lastFlagsAt = at + 4;
    this.#lastStreamId = streamId;
  }
}

/** A loop beats the call into native code for the few dozen bytes of a header block or a short message. */
const loopedBytes = 64;

function copy(from: Uint8Array, start: number, end: number, to: Buffer, at: number): void {
  if (end - start > loopedBytes) {
    to.set(start === 0 && end === from.length ? from : from.subarray(start, end), at);
    return;
  }
  for (let index = start; index < end; index += 1) to[at + index - start] = from[index] as number;
}
