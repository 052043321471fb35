/*
 * RFC 6455 §5.2, as a server sends it (no mask):
 *
 *     FIN rsv opcode | 0 length7 | [u16 | u64 extended length] | payload
 */

export const opcodes = { continuation: 0x0, text: 0x1, binary: 0x2, close: 0x8, ping: 0x9, pong: 0xa } as const;

/** How long the header is of the frame whose second byte is `lengthByte`; no mask. */
function headerBytesOf(lengthByte: number): number {
  const length = lengthByte & 0x7f;
  return length < 126 ? 2 : length === 126 ? 4 : 10;
}

/** Length of a server's WebSocket frame; for `FrameSplitter`. */
export function webSocketFrameLength(bytes: Buffer, at: number, end: number): number {
  if (at + 2 > end) return -1;
  const lengthByte = bytes[at + 1] ?? 0;
  const headerBytes = headerBytesOf(lengthByte);
  if (at + headerBytes > end) return -1;
  if (headerBytes === 2) return 2 + (lengthByte & 0x7f);
  if (headerBytes === 4) return 4 + bytes.readUInt16BE(at + 2);
  return 10 + Number(bytes.readBigUInt64BE(at + 2));
}

/** Where the payload begins in the whole frame at `start`. */
export function payloadStart(bytes: Buffer, start: number): number {
  return start + headerBytesOf(bytes[start + 1] ?? 0);
}

/**
 * A client's frame. Clients must mask (§5.3); a mask of zeros is one, leaves the payload as it is, and costs the server
 * the same work as any other.
 */
export function clientFrame(opcode: number, payload: Uint8Array): Buffer {
  const extendedBytes = payload.length < 126 ? 0 : payload.length < 65_536 ? 2 : 8;
  const frame = Buffer.alloc(2 + extendedBytes + 4 + payload.length);
  frame[0] = 0x80 | opcode;
  frame[1] = 0x80 | (extendedBytes === 0 ? payload.length : extendedBytes === 2 ? 126 : 127);
  if (extendedBytes === 2) frame.writeUInt16BE(payload.length, 2);
  if (extendedBytes === 8) frame.writeBigUInt64BE(BigInt(payload.length), 2);
  frame.set(payload, 2 + extendedBytes + 4);
  return frame;
}

/** The request that opens a WebSocket (§4.1). The key is constant: nothing here checks its answer. */
export function upgradeRequest(
  path: string,
  subprotocol: string | undefined,
  moreHeaders: readonly string[] = [],
): Buffer {
  const lines = [
    `GET ${path} HTTP/1.1`,
    "Host: 127.0.0.1",
    "Upgrade: websocket",
    "Connection: Upgrade",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Version: 13",
    ...(subprotocol === undefined ? [] : [`Sec-WebSocket-Protocol: ${subprotocol}`]),
    ...moreHeaders,
  ];
  return Buffer.from(`${lines.join("\r\n")}\r\n\r\n`);
}
