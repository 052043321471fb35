import { enveloped, envelopeFlag } from "@confab/contract";
import type { Exchange, Fields } from "../../../http/exchange.js";
import { streamedReplyFields } from "../../../http/streamed-reply.js";
import type { WireFormat } from "../../../service/index.js";
import { errorTrailers, okTrailers } from "../grpc/status.js";
import type { RpcError, Statuses } from "../rpc-error.js";
import type { Wire } from "../wire.js";

/**
 * gRPC-Web (grpc/doc/PROTOCOL-WEB.md): gRPC whose trailers are the last envelope of the body, because browsers show a page
 * no trailers. In text mode the body is base64.
 */
export class GrpcWebWire implements Wire {
  readonly transport = "grpc-web";
  readonly encodingHeader = "grpc-encoding";
  readonly isCutWhenIdle = true;
  readonly brokenGzipCode = "BROKEN_COMPRESSION";
  readonly acceptEncodingHeader = "grpc-accept-encoding";

  constructor(
    private readonly exchange: Exchange,
    readonly format: WireFormat,
    readonly isText: boolean,
    private readonly statuses: Statuses,
  ) {}

  replyHead(isCompressed: boolean, metadata?: Fields): void {
    this.head({ ...metadata, ...(isCompressed && { "grpc-encoding": "gzip" }) });
  }

  streamHead(metadata?: Fields): void {
    this.head({ ...metadata, ...streamedReplyFields });
  }

  end(error: RpcError | undefined, isHeadSent: boolean, metadata?: Fields): void {
    if (!isHeadSent) this.head();
    const status = error ? errorTrailers(this.statuses.of(error)) : okTrailers;
    // The status stands first, and metadata replaces nothing of it.
    const trailers = Object.entries({ ...status, ...metadata, ...status });
    const text = trailers.map(([name, value]) => `${name}: ${value}\r\n`).join("");
    const envelope = enveloped(envelopeFlag.grpcWebTrailers, Buffer.from(text));
    this.exchange.write(this.isText ? base64Text(envelope) : envelope);
    this.exchange.end();
  }

  private head(more?: Fields): void {
    this.exchange.respond(200, {
      ...more,
      "content-type": `application/grpc-web${this.isText ? "-text" : ""}+${this.format}`,
      "grpc-accept-encoding": "identity,gzip",
    });
  }
}

/** Bytes as padded base64 text. Every chunk is padded for itself; readers take four characters at a time. */
export function base64Text(bytes: Uint8Array): Uint8Array {
  return Buffer.from(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64"), "latin1");
}

/** Decodes a body of base64 text that comes in any chunks and may be padded anywhere between groups of four. */
export class Base64Reader {
  private rest = "";

  /** @returns undefined: it is not base64. */
  push(chunk: Uint8Array): Uint8Array | undefined {
    const text = this.rest + Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength).toString("latin1");
    const whole = text.length - (text.length % 4);
    this.rest = text.slice(whole);
    const groups = text.slice(0, whole);
    // Padding in the middle ends one chunk of the sender's; Buffer would stop there.
    const parts = groups.split(/(?<==)(?=[^=])/);
    if (!parts.every((part) => part.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(part))) return undefined;
    const decoded = parts.map((part) => Buffer.from(part, "base64"));
    return decoded.length === 1 ? decoded[0] : Buffer.concat(decoded);
  }

  get isAtBoundary(): boolean {
    return this.rest === "";
  }
}
