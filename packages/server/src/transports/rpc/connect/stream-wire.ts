import { enveloped, envelopeFlag } from "@confab/contract";
import type { Exchange, Fields } from "../../../http/exchange.js";
import { streamedReplyFields } from "../../../http/streamed-reply.js";
import type { WireFormat } from "../../../service/index.js";
import type { RpcError, Statuses } from "../rpc-error.js";
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
    private readonly statuses: Statuses,
  ) {}

  replyHead(isCompressed: boolean, metadata?: Fields): void {
    this.head({ ...metadata, ...(isCompressed && { "connect-content-encoding": "gzip" }) });
  }

  streamHead(metadata?: Fields): void {
    this.head({ ...metadata, ...streamedReplyFields });
  }

  end(error: RpcError | undefined, isHeadSent: boolean, metadata?: Fields): void {
    if (!isHeadSent) this.head();
    const outcome = {
      ...(error && { error: connectErrorJson(this.statuses.of(error), this.statuses.types) }),
      ...(metadata && {
        metadata: Object.fromEntries(Object.entries(metadata).map(([name, value]) => [name, [value]])),
      }),
    };
    this.exchange.write(enveloped(envelopeFlag.connectEnd, Buffer.from(JSON.stringify(outcome))));
    this.exchange.end();
  }

  private head(more?: Fields): void {
    this.exchange.respond(200, {
      ...more,
      "content-type": `application/connect+${this.format}`,
      "connect-accept-encoding": "gzip",
    });
  }
}
