import { envelopeBytes, writeEnvelope } from "@confab/contract";

/** What stands before each message on a stream: the five bytes of gRPC and Connect, or a WebSocket frame's header. */
export interface Framing {
  prefixBytes(messageBytes: number): number;
  /** Write the prefix at `at` and return the place after it. */
  writePrefix(target: Uint8Array, at: number, messageBytes: number): number;
}

/** gRPC, gRPC-Web and Connect, uncompressed. */
export const envelopeFraming: Framing = {
  prefixBytes: () => envelopeBytes,
  writePrefix: (target, at, messageBytes) => writeEnvelope(target, at, 0, messageBytes),
};

/** One message behind its prefix, as new bytes. */
export function framed(framing: Framing, message: Uint8Array): Uint8Array {
  const bytes = Buffer.allocUnsafe(framing.prefixBytes(message.length) + message.length);
  bytes.set(message, framing.writePrefix(bytes, 0, message.length));
  return bytes;
}
