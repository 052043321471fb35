/*
 * RFC 9113 §4.1: u24 payload length | u8 type | u8 flags | u31 stream | payload
 */

export const frameTypes = {
  data: 0,
  headers: 1,
  resetStream: 3,
  settings: 4,
  ping: 6,
  goAway: 7,
  windowUpdate: 8,
} as const;
export const flags = { endStream: 0x1, ack: 0x1, endHeaders: 0x4, padded: 0x8 } as const;

export const frameHeaderBytes = 9;

/** Flow-control window that every connection and stream has to begin with (§6.9.2), and the most it can have (§6.9.1). */
export const initialWindowBytes = 65_535;
export const maxWindowBytes = 2 ** 31 - 1;

const initialWindowSetting = 4;

/** Length of an HTTP/2 frame; for `FrameSplitter`. */
export function http2FrameLength(bytes: Buffer, at: number, end: number): number {
  return at + frameHeaderBytes > end ? -1 : frameHeaderBytes + bytes.readUIntBE(at, 3);
}

/** One frame. */
export function http2Frame(type: number, flagBits: number, stream: number, payload: Uint8Array): Buffer {
  const frame = Buffer.alloc(frameHeaderBytes + payload.length);
  frame.writeUIntBE(payload.length, 0, 3);
  frame[3] = type;
  frame[4] = flagBits;
  frame.writeUInt32BE(stream, 5);
  frame.set(payload, frameHeaderBytes);
  return frame;
}

/** Give the server `increment` more bytes to send on a stream; 0 is the whole connection. */
export function windowUpdate(stream: number, increment: number): Buffer {
  const payload = Buffer.alloc(4);
  payload.writeUInt32BE(increment);
  return http2Frame(frameTypes.windowUpdate, 0, stream, payload);
}

/** What a client sends first (§3.4): the preface, its settings, and all the window there is, for streams and connection. */
export function clientPreface(streamWindowBytes = maxWindowBytes): Buffer {
  const settings = Buffer.alloc(6);
  settings.writeUInt16BE(initialWindowSetting, 0);
  settings.writeUInt32BE(streamWindowBytes, 2);
  return Buffer.concat([
    Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    http2Frame(frameTypes.settings, 0, 0, settings),
    windowUpdate(0, maxWindowBytes - initialWindowBytes),
  ]);
}

/**
 * A header block of literals that are neither indexed nor compressed (RFC 7541 §6.2.2), so that no state is shared with
 * the server.
 */
export function literalHeaders(headers: readonly (readonly [name: string, value: string])[]): Buffer {
  return Buffer.concat(headers.flatMap(([name, value]) => [Buffer.of(0), ...literal(name), ...literal(value)]));
}

/** A string without Huffman code (§5.2), behind its length as an integer with a prefix of seven bits (§5.1). */
function literal(text: string): readonly Buffer[] {
  const bytes = Buffer.from(text);
  if (bytes.length < maxPrefix) return [Buffer.of(bytes.length), bytes];
  const length = [maxPrefix];
  let rest = bytes.length - maxPrefix;
  for (; rest >= 0x80; rest >>= 7) length.push(0x80 | (rest & 0x7f));
  return [Buffer.from([...length, rest]), bytes];
}

/** From this length on it goes on behind the prefix. */
const maxPrefix = 0x7f;
