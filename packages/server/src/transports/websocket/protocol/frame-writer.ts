import { maxControlPayloadBytes, type Opcode, opcode } from "./opcode.js";

/*
 * A server's frame (RFC 6455 §5.2): never masked, never fragmented, no extension bits.
 *
 *    byte 0      byte 1           bytes 2..
 *   ┌──────────┬────────────────┬──────────────────────────────┬─────────┐
 *   │ 1000 opc │ 0 │ length     │ none, when length ≤ 125      │ payload │
 *   │          │ 0 │ 126        │ 2 bytes, when it is ≤ 65,535 │         │
 *   │          │ 0 │ 127        │ 8 bytes, else                │         │
 *   └──────────┴────────────────┴──────────────────────────────┴─────────┘
 *
 * The bytes made here may be written to many sockets at once: nobody changes them afterwards.
 */

const finalBit = 0x80;

/** How many bytes the header of a frame takes whose payload has `payloadBytes` bytes: 2, 4 or 10. */
export function frameHeaderBytes(payloadBytes: number): number {
  if (payloadBytes <= 125) return 2;
  return payloadBytes <= 0xffff ? 4 : 10;
}

/**
 * Write a frame's header into `target` at `offset` and return its length, so that a caller can lay several frames out
 * in one buffer it has sized with `frameHeaderBytes`. The payload goes to `offset` + the returned length.
 */
export function writeFrameHeader(target: Uint8Array, offset: number, kind: Opcode, payloadBytes: number): number {
  target[offset] = finalBit | kind;
  if (payloadBytes <= 125) {
    target[offset + 1] = payloadBytes;
    return 2;
  }
  if (payloadBytes <= 0xffff) {
    target[offset + 1] = 126;
    writeBigEndian(target, offset + 2, payloadBytes, 2);
    return 4;
  }
  target[offset + 1] = 127;
  writeBigEndian(target, offset + 2, payloadBytes, 8);
  return 10;
}

function writeBigEndian(target: Uint8Array, offset: number, value: number, byteCount: number): void {
  // By division, since bit operations end at 32 bits; the array takes each result modulo 256.
  for (let i = byteCount - 1, rest = value; i >= 0; i--, rest = Math.floor(rest / 256)) target[offset + i] = rest;
}

/** A text frame, of a string or of bytes that are valid UTF-8 already. */
export function encodeTextFrame(text: string | Uint8Array): Buffer {
  if (typeof text !== "string") return encodeFrame(opcode.text, text);
  const payloadBytes = Buffer.byteLength(text);
  const frame = Buffer.allocUnsafe(frameHeaderBytes(payloadBytes) + payloadBytes);
  frame.write(text, writeFrameHeader(frame, 0, opcode.text, payloadBytes));
  return frame;
}

export function encodeBinaryFrame(payload: Uint8Array): Buffer {
  return encodeFrame(opcode.binary, payload);
}

/** A ping; `payload`: at most 125 bytes. */
export function encodePingFrame(payload: Uint8Array): Buffer {
  return encodeControlFrame(opcode.ping, payload);
}

/** A pong; `payload`: at most 125 bytes, those of the ping it answers. */
export function encodePongFrame(payload: Uint8Array): Buffer {
  return encodeControlFrame(opcode.pong, payload);
}

/**
 * A close frame. `code` undefined: an empty one, the answer to an empty one. A reason of more than 123 bytes is cut at
 * the last whole character that fits.
 */
export function encodeCloseFrame(code?: number, reason = ""): Buffer {
  if (code === undefined) return encodeControlFrame(opcode.close, Buffer.alloc(0));
  const payload = Buffer.allocUnsafe(maxControlPayloadBytes);
  payload.writeUInt16BE(code, 0);
  // `write` stops at the buffer's end, and before a character that does not fit whole.
  const reasonBytes = payload.write(reason, 2);
  return encodeControlFrame(opcode.close, payload.subarray(0, 2 + reasonBytes));
}

function encodeControlFrame(kind: Opcode, payload: Uint8Array): Buffer {
  if (payload.byteLength > maxControlPayloadBytes) {
    throw new RangeError(`a control frame carries at most ${maxControlPayloadBytes} bytes, not ${payload.byteLength}`);
  }
  return encodeFrame(kind, payload);
}

function encodeFrame(kind: Opcode, payload: Uint8Array): Buffer {
  const frame = Buffer.allocUnsafe(frameHeaderBytes(payload.byteLength) + payload.byteLength);
  frame.set(payload, writeFrameHeader(frame, 0, kind, payload.byteLength));
  return frame;
}
