import type { Fields } from "../../http/exchange.js";
import type { TransportName, WireFormat } from "../../service/index.js";
import type { BrokenGzipCode } from "./compression.js";
import type { RpcError } from "./rpc-error.js";

/**
 * How one of the three protocols writes the response of one call whose messages are in envelopes. The envelopes themselves
 * are the same for all; the heads, the endings and the spelling of errors differ.
 */
export interface Wire {
  readonly transport: TransportName;
  readonly format: WireFormat;
  /** The whole response body is base64, chunk by chunk. */
  readonly isText: boolean;
  /** The names of the headers that say how messages are compressed. */
  readonly encodingHeader: string;
  readonly acceptEncodingHeader: string;
  readonly brokenGzipCode: BrokenGzipCode;
  /** The head of a response of one message. `isCompressed`: its envelope has the compressed flag, and it is gzip. */
  replyHead(isCompressed: boolean, metadata?: Fields): void;
  /** The head of a response whose messages are sent as they come into being. */
  streamHead(metadata?: Fields): void;
  /** Whether a proxy may cut a stream that is silent: the protocol has no pings, and HTTP/1.1 has none either. */
  readonly isCutWhenIdle: boolean;
  /** The end of a response, with its status. `metadata`: further trailers, which replace none of the protocol's fields. */
  end(error: RpcError | undefined, isHeadSent: boolean, metadata?: Fields): void;
}
