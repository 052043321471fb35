import { ConfabError, confabErrorFrom } from "@confab/contract";
import type { ArrivalTimeouts } from "../../../http/arrival-timeouts.js";
import type { Exchange, Fields } from "../../../http/exchange.js";
import { collectBody, ignoredBody } from "../../../http/read-body.js";
import { type Principal, RequestCaller, type UnaryCaller, type WireFormat } from "../../../service/index.js";
import { cost } from "../../../work/index.js";
import { acceptsGzip, compress, decompress, isGzipNamed, minCompressedBytes } from "../compression.js";
import type { CallContext, Method } from "../method.js";
import { isBug, type RpcError, rpcErrorFrom, type Statuses } from "../rpc-error.js";
import { connectTimeoutMs, deadlineExceeded, startDeadline } from "../timeout.js";
import { connectErrorJson, connectStatus } from "./error-json.js";

export interface ConnectUnaryDeps {
  readonly statuses: Statuses;
  readonly maxMessageBytes: (format: WireFormat) => number;
  readonly arrivals: ArrivalTimeouts;
  readonly report: (error: ConfabError) => void;
}

type UnaryMethod = Extract<Method, { kind: "unary" }>;

/** A unary call of the Connect protocol: plain HTTP, the message is the body (connectrpc.com/docs/protocol#unary-request). */
export class ConnectUnaryCall implements CallContext {
  readonly caller: UnaryCaller;
  timeoutMs: number | undefined;
  query: URLSearchParams | undefined;
  responseHeaders: Fields | undefined;
  responseTrailers: Fields | undefined;
  private isOver = false;
  private cancelDeadline: (() => void) | undefined;

  constructor(
    private readonly exchange: Exchange,
    principal: Principal,
    private readonly method: UnaryMethod,
    private readonly format: WireFormat,
    private readonly deps: ConnectUnaryDeps,
  ) {
    this.caller = new RequestCaller("connect", exchange, principal);
  }

  get metadata(): Fields {
    return this.exchange.request.headers;
  }

  /** The message is the request's body. */
  post(): void {
    const { exchange, deps } = this;
    const { headers } = exchange.request;
    try {
      this.startDeadline();
    } catch (thrown) {
      exchange.listen(ignoredBody);
      this.fail(rpcErrorFrom(thrown));
      return;
    }
    collectBody(
      exchange,
      {
        maxBytes: deps.maxMessageBytes(this.format),
        timeouts: deps.arrivals,
        contentEncoding: headers["content-encoding"],
      },
      { body: (bytes) => this.call(bytes), failed: (error) => this.fail(error), aborted: () => this.release() },
    );
  }

  /** The message is in the URL, for calls without side effects (connectrpc.com/docs/protocol#unary-get-request). */
  get(query: URLSearchParams): void {
    this.query = query;
    this.exchange.listen({ ...ignoredBody, aborted: () => this.release() });
    try {
      this.startDeadline();
    } catch (thrown) {
      this.fail(rpcErrorFrom(thrown));
      return;
    }
    const { share } = this.exchange;
    if (share.isFree) this.callFrom(query);
    else share.wait(() => this.callFrom(query));
  }

  private callFrom(query: URLSearchParams): void {
    if (this.isOver) return;
    try {
      this.call(this.messageFrom(query));
    } catch (thrown) {
      this.fail(rpcErrorFrom(thrown));
    }
  }

  private startDeadline(): void {
    this.timeoutMs = connectTimeoutMs(this.metadata["connect-timeout-ms"]);
    if (this.timeoutMs === 0) throw deadlineExceeded();
    this.cancelDeadline = startDeadline(this.timeoutMs, () => this.fail(deadlineExceeded()));
  }

  private messageFrom(query: URLSearchParams): Uint8Array {
    const text = query.get("message");
    if (text === null) throw new ConfabError("MALFORMED_MESSAGE", "the query has no message");
    const isBase64 = query.get("base64") === "1";
    if (isBase64 && !/^[A-Za-z0-9_-]*=*$/.test(text))
      throw new ConfabError("MALFORMED_MESSAGE", "the query's message is not base64url");
    const bytes = Buffer.from(text, isBase64 ? "base64url" : "utf8");
    const maxBytes = this.deps.maxMessageBytes(this.format);
    if (bytes.length > maxBytes)
      throw new ConfabError("PAYLOAD_TOO_LARGE", `the message is ${bytes.length} bytes; at most ${maxBytes} are taken`);
    return isGzipNamed(query.get("compression") ?? undefined) ? decompress(bytes, maxBytes) : bytes;
  }

  private call(request: Uint8Array): void {
    // Past its deadline a call has been answered, and must not be done after all.
    if (this.isOver) return;
    this.method.call(this.format, request, this).then(
      (reply) => this.reply(reply),
      (thrown) => this.fail(rpcErrorFrom(thrown)),
    );
  }

  private reply(message: Uint8Array): void {
    if (message.length < minCompressedBytes || !acceptsGzip(this.exchange.request.headers["accept-encoding"])) {
      this.respond(200, message);
      return;
    }
    compress(message).then(
      (compressed) => this.respond(200, compressed, true),
      (thrown) => this.fail(rpcErrorFrom(thrown)),
    );
  }

  private fail(error: RpcError): void {
    if (this.isOver) return;
    if (isBug(error)) this.deps.report(error);
    this.release();
    try {
      respondConnectError(this.exchange, error, this.deps.statuses, { fields: this.responseFields });
    } catch (thrown) {
      // A bug must end this exchange and nothing else.
      this.deps.report(confabErrorFrom(thrown));
      this.exchange.reset();
    }
  }

  private respond(status: number, body: Uint8Array, isCompressed = false): void {
    if (this.isOver) return;
    this.release();
    this.exchange.respond(status, {
      ...this.responseFields,
      "content-type": `application/${this.format}`,
      "content-length": String(body.length),
      "accept-encoding": "gzip",
      ...(isCompressed && { "content-encoding": "gzip" }),
      ...(this.exchange.request.method !== "POST" && { vary: "accept-encoding", "cache-control": "no-store" }),
    });
    this.exchange.write(body);
    this.exchange.end();
  }

  /** Trailers are headers with a prefix (connectrpc.com/docs/protocol#unary-response). */
  private get responseFields(): Fields {
    const trailers = Object.entries(this.responseTrailers ?? {});
    return {
      ...this.responseHeaders,
      ...Object.fromEntries(trailers.map(([name, value]) => [`trailer-${name}`, value])),
    };
  }

  private release(): void {
    this.isOver = true;
    this.cancelDeadline?.();
  }
}

export interface ConnectErrorOptions {
  /** Default: the protocol's for the error's code. */
  readonly status?: number;
  /** Further header fields. */
  readonly fields?: Fields;
}

/**
 * An error of a unary Connect call: an HTTP status and JSON. With 405 and 415 the JSON has no code: the request was not a call
 * of the protocol, and a client derives `unknown` from the status (connectrpc.com/docs/protocol#error-codes).
 */
export function respondConnectError(
  exchange: Exchange,
  error: RpcError,
  statuses: Statuses,
  { status = connectStatus(statuses.of(error)), fields }: ConnectErrorOptions = {},
): void {
  exchange.share.spend(cost.error);
  const { code, ...rest } = connectErrorJson(statuses.of(error), statuses.types);
  const body = Buffer.from(JSON.stringify(status === 405 || status === 415 ? rest : { code, ...rest }));
  const retryAfterMs = error instanceof ConfabError ? error.facts.retryAfterMs : undefined;
  exchange.respond(status, {
    ...fields,
    "content-type": "application/json",
    "content-length": String(body.length),
    ...(retryAfterMs !== undefined && { "retry-after": String(Math.ceil(retryAfterMs / 1000)) }),
    ...(error instanceof ConfabError && error.code === "UNSUPPORTED_COMPRESSION" && { "accept-encoding": "gzip" }),
  });
  exchange.write(body);
  exchange.end();
}
