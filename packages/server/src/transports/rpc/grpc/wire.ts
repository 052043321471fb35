import type { Exchange, Fields } from "../../../http/exchange.js";
import { streamedReplyFields } from "../../../http/streamed-reply.js";
import type { WireFormat } from "../../../service/index.js";
import type { RpcError, Statuses } from "../rpc-error.js";
import type { Wire } from "../wire.js";
import { errorTrailers, okTrailers } from "./status.js";

/** Heads are constant objects wherever they can be: HTTP/2 then encodes each of them once. */
const heads = {
  proto: { "content-type": "application/grpc+proto", "grpc-accept-encoding": "identity,gzip" },
  json: { "content-type": "application/grpc+json", "grpc-accept-encoding": "identity,gzip" },
} as const satisfies Record<WireFormat, Fields>;

const compressedHeads = {
  proto: { ...heads.proto, "grpc-encoding": "gzip" },
  json: { ...heads.json, "grpc-encoding": "gzip" },
} as const satisfies Record<WireFormat, Fields>;

const streamHeads = {
  proto: { ...heads.proto, ...streamedReplyFields },
  json: { ...heads.json, ...streamedReplyFields },
} as const satisfies Record<WireFormat, Fields>;

/** gRPC over HTTP/2 (grpc/doc/PROTOCOL-HTTP2.md). */
export class GrpcWire implements Wire {
  readonly transport = "grpc";
  readonly isText = false;
  readonly isCutWhenIdle = false;
  readonly brokenGzipCode = "BROKEN_COMPRESSION";
  readonly encodingHeader = "grpc-encoding";
  readonly acceptEncodingHeader = "grpc-accept-encoding";

  constructor(
    private readonly exchange: Exchange,
    readonly format: WireFormat,
    private readonly statuses: Statuses,
  ) {}

  replyHead(isCompressed: boolean, metadata?: Fields): void {
    const head = (isCompressed ? compressedHeads : heads)[this.format];
    this.exchange.respond(200, metadata ? { ...metadata, ...head } : head);
  }

  streamHead(metadata?: Fields): void {
    const head = streamHeads[this.format];
    this.exchange.respond(200, metadata ? { ...metadata, ...head } : head);
  }

  end(error: RpcError | undefined, isHeadSent: boolean, metadata?: Fields): void {
    const trailers = error ? errorTrailers(this.statuses.of(error)) : okTrailers;
    const all = metadata ? { ...metadata, ...trailers } : trailers;
    if (isHeadSent) {
      this.exchange.end(all);
    } else {
      // "Trailers-Only": head and trailers in one.
      this.exchange.respond(200, { ...heads[this.format], ...all });
      this.exchange.end();
    }
  }
}
