/**
 * The constants of HTTP/2 framing (RFC 9113 §4.1, §6, §7).
 *
 *    0        1        2        3        4        5                                 9
 *   +--------+--------+--------+--------+--------+--------+--------+--------+--------+----------
 *   |      length (24 bits)    |  type  | flags  |R|      stream id (31 bits)        | payload …
 *   +--------+--------+--------+--------+--------+--------+--------+--------+--------+----------
 *
 * Plain constants and not `enum`: they are inlined, and an unknown type stays a number that can be ignored (§4.1).
 */
export const frameHeaderBytes = 9;

/** What every client sends first (RFC 9113 §3.4). */
export const clientPreface = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "latin1");

export const FrameType = {
  DATA: 0,
  HEADERS: 1,
  PRIORITY: 2,
  RST_STREAM: 3,
  SETTINGS: 4,
  PUSH_PROMISE: 5,
  PING: 6,
  GOAWAY: 7,
  WINDOW_UPDATE: 8,
  CONTINUATION: 9,
} as const;

export const Flag = {
  END_STREAM: 0x1,
  /** On SETTINGS and PING. */
  ACK: 0x1,
  END_HEADERS: 0x4,
  PADDED: 0x8,
  PRIORITY: 0x20,
} as const;

export const ErrorCode = {
  NO_ERROR: 0,
  PROTOCOL_ERROR: 1,
  INTERNAL_ERROR: 2,
  FLOW_CONTROL_ERROR: 3,
  SETTINGS_TIMEOUT: 4,
  STREAM_CLOSED: 5,
  FRAME_SIZE_ERROR: 6,
  REFUSED_STREAM: 7,
  CANCEL: 8,
  COMPRESSION_ERROR: 9,
  CONNECT_ERROR: 10,
  ENHANCE_YOUR_CALM: 11,
} as const;
export type ErrorCode = (typeof ErrorCode)[keyof typeof ErrorCode];

/** Windows and stream ids are 31-bit numbers. */
export const max31Bit = 0x7fff_ffff;

/** Smallest and default SETTINGS_MAX_FRAME_SIZE (RFC 9113 §6.5.2). We never announce more, so it bounds what we accept. */
export const defaultMaxFrameBytes = 16_384;

/** The largest value SETTINGS_MAX_FRAME_SIZE may take. */
export const largestMaxFrameBytes = 0xff_ffff;

/**
 * The peer broke the protocol, or a bound of ours, in a way that ends the connection: thrown by whoever notices, caught
 * in one place (`Session.receive`), which answers with GOAWAY. `message` goes to the peer as GOAWAY's debug data.
 */
export class ConnectionError extends Error {
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

/** Big-endian 32-bit number; the sign bit is kept out of it, as HTTP/2 reserves it in stream ids and increments. */
export function readUint31(bytes: Uint8Array, at: number): number {
  return (
    (((bytes[at] as number) & 0x7f) << 24) |
    ((bytes[at + 1] as number) << 16) |
    ((bytes[at + 2] as number) << 8) |
    (bytes[at + 3] as number)
  );
}

export function readUint32(bytes: Uint8Array, at: number): number {
  return readUint31(bytes, at) + ((bytes[at] as number) & 0x80 ? 0x8000_0000 : 0);
}

export function writeUint32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 24;
  bytes[at + 1] = value >>> 16;
  bytes[at + 2] = value >>> 8;
  bytes[at + 3] = value;
}

export function writeFrameHeader(
  bytes: Uint8Array,
  at: number,
  length: number,
  type: number,
  flags: number,
  streamId: number,
): void {
  bytes[at] = length >>> 16;
  bytes[at + 1] = length >>> 8;
  bytes[at + 2] = length;
  bytes[at + 3] = type;
  bytes[at + 4] = flags;
  writeUint32(bytes, at + 5, streamId);
}
