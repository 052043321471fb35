import { flags, frameTypes, http2Frame, literalHeaders } from "./http2-frames.js";

/** The gRPC length prefix: a byte for "compressed", then u32 big-endian length. */
export const grpcPrefixBytes = 5;

/** Where all servers under test answer. */
export const sendMessagePath = "/confab.v1.ChatService/SendMessage";
export const editMessagePath = "/confab.v1.ChatService/EditMessage";
export const getHistoryPath = "/confab.v1.ChatService/GetHistory";
export const streamMessagesPath = "/confab.v1.ChatService/StreamMessages";

/** A message with its gRPC length prefix. */
export function grpcEnvelope(message: Uint8Array): Buffer {
  const envelope = Buffer.alloc(grpcPrefixBytes + message.length);
  envelope.writeUInt32BE(message.length, 1);
  envelope.set(message, grpcPrefixBytes);
  return envelope;
}

/** The header block of a call, the same bytes for every call of one method. */
export function callHeaders(path: string, token?: string): Buffer {
  return literalHeaders([
    [":method", "POST"],
    [":scheme", "http"],
    [":path", path],
    [":authority", "127.0.0.1"],
    ["content-type", "application/grpc"],
    ["te", "trailers"],
    ...(token === undefined ? [] : [["authorization", `Bearer ${token}`] as const]),
  ]);
}

/** The frames of a whole call with one request message: HEADERS, then DATA that ends the client's side. */
export function callFrames(stream: number, headerBlock: Uint8Array, message: Uint8Array): Buffer {
  return Buffer.concat([
    http2Frame(frameTypes.headers, flags.endHeaders, stream, headerBlock),
    http2Frame(frameTypes.data, flags.endStream, stream, grpcEnvelope(message)),
  ]);
}

/** Counts the messages in the DATA payloads of one stream, in whatever pieces they come. */
export class GrpcMessageCounter {
  #prefixSeen = 0;
  #messageBytes = 0;
  #remaining = 0;

  /** How many messages the payload at `bytes[start, end)` completes. */
  push(bytes: Buffer, start: number, end: number): number {
    let completed = 0;
    let at = start;
    while (at < end) {
      if (this.#prefixSeen < grpcPrefixBytes) {
        const byte = bytes[at] ?? 0;
        at += 1;
        this.#messageBytes = this.#prefixSeen === 0 ? 0 : this.#messageBytes * 256 + byte;
        this.#prefixSeen += 1;
        if (this.#prefixSeen < grpcPrefixBytes) continue;
        this.#remaining = this.#messageBytes;
      }
      const taken = Math.min(this.#remaining, end - at);
      this.#remaining -= taken;
      at += taken;
      if (this.#remaining > 0) continue;
      this.#prefixSeen = 0;
      completed += 1;
    }
    return completed;
  }
}
