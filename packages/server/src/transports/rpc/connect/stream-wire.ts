import { type ConfabError, enveloped, envelopeFlag, type PayloadTypes } from "@confab/contract";
import type { Exchange, Fields } from "../../../http/exchange.js";
import { streamedReplyFields } from "../../../http/streamed-reply.js";
import type { WireFormat } from "../../../service/index.js";
import type { Wire } from "../wire.js";
import { connectErrorJson } from "./error-json.js";

/** The Connect protocol's streams (connectrpc.com/docs/protocol#streaming-rpcs): the status is the last envelope, in JSON. */
export class ConnectStreamWire implements Wire {
  readonly transport = "connect";
  readonly isText = false;
  readonly isCutWhenIdle = true;
  readonly brokenGzipCode = "MALFORMED_MESSAGE";
  readonly encodingHeader = "connect-content-encoding";
  readonly acceptEncodingHeader = "connect-accept-encoding";

  constructor(
    private readonly exchange: Exchange,
    readonly format: WireFormat,
    private readonly types: PayloadTypes,
  ) {}

  replyHead(isCompressed: boolean): void {
    this.head(isCompressed ? { "connect-content-encoding": "gzip" } : undefined);
  }

  streamHead(metadata?: Fields): void {
    this.head({ ...streamedReplyFields, ...metadata });
  }

  end(error: ConfabError | undefined, isHeadSent: boolean, metadata?: Fields): void {
    if (!isHeadSent) this.head();
    const outcome = {
      ...(error && { error: connectErrorJson(error, this.types) }),
      ...(metadata && {
        metadata: Object.fromEntries(Object.entries(metadata).map(([name, value]) => [name, [value]])),
      }),
    };
    this.exchange.write(enveloped(envelopeFlag.connectEnd, Buffer.from(JSON.stringify(outcome))));
    this.exchange.end();
  }

  private head(more?: Fields): void {
    this.exchange.respond(200, {
      "content-type": `application/connect+${this.format}`,
      "connect-accept-encoding": "gzip",
      ...more,
    });
  }
}
