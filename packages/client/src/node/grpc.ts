import http2 from "node:http2";
import { ConfabError, enveloped } from "@confab/contract";
import { type CallBounds, cancelled, whenAborted } from "../call-signal.js";
import { networkFailure, networkFailureText } from "../network-failure.js";
import { type MethodName, methodPath, type RpcCaller, type RpcStream } from "../rpc/caller.js";
import { envelopes } from "../streams/envelopes.js";
import { errorFromGrpc, errorFromHttp } from "../wire/errors.js";

/**
 * gRPC over `node:http2` (grpc/doc/PROTOCOL-HTTP2.md): one connection for all calls, made again when it has died.
 *
 *     HEADERS (head) ─► DATA: envelopes ─► HEADERS (trailers: grpc-status)      a call that went well, or failed late
 *     HEADERS (head with grpc-status) END_STREAM                                "trailers only": refused at once
 */
export class GrpcCaller implements RpcCaller {
  readonly format = "proto";
  private session: http2.ClientHttp2Session | undefined;

  constructor(
    private readonly baseUrl: string,
    private readonly connectOptions: http2.SecureClientSessionOptions = {},
    private readonly token?: string,
  ) {}

  async unary(method: MethodName, request: Uint8Array, bounds: CallBounds): Promise<Uint8Array> {
    try {
      const stream = await this.call(method, request, bounds.signal, { "grpc-timeout": `${bounds.timeoutMs}m` });
      let reply: Uint8Array | undefined;
      // The reply counts only once the trailers say that it does.
      for await (const message of stream.messages) reply = message;
      return reply ?? new Uint8Array(0);
    } catch (error) {
      throw bounds.signal.aborted ? bounds.reason() : error;
    }
  }

  serverStream(method: MethodName, request: Uint8Array, signal: AbortSignal): Promise<RpcStream> {
    return this.call(method, request, signal, {});
  }

  close(): void {
    this.session?.destroy();
    this.session = undefined;
  }

  private async call(
    method: MethodName,
    request: Uint8Array,
    signal: AbortSignal,
    extraHeaders: http2.OutgoingHttpHeaders,
  ): Promise<RpcStream> {
    if (signal.aborted) throw cancelled(signal);
    const { pathname } = new URL(this.baseUrl);
    const stream = this.liveSession().request({
      ":method": "POST",
      ":path": (pathname === "/" ? "" : pathname) + methodPath(method),
      "content-type": "application/grpc+proto",
      te: "trailers",
      ...(this.token !== undefined && { authorization: `Bearer ${this.token}` }),
      ...extraHeaders,
    });
    const stopListening = whenAborted(signal, () => stream.close(http2.constants.NGHTTP2_CANCEL));
    stream.once("close", stopListening);
    const trailers = new Promise<http2.IncomingHttpHeaders | undefined>((resolve) => {
      stream.once("trailers", resolve);
      stream.once("close", () => resolve(undefined));
    });
    stream.end(enveloped(0, request));
    const head = await responseHead(stream, this.baseUrl);
    const header = fieldsOf(head);
    if (header("grpc-status") !== undefined) {
      const error = errorFromGrpc(header);
      // The body is not read, so the stream would never close by itself.
      if (error) throw closed(stream, error);
    }
    if (head[":status"] !== 200) throw closed(stream, errorFromHttp(head[":status"] ?? 0, ""));
    return { header, messages: streamMessages(stream, header, trailers) };
  }

  private liveSession(): http2.ClientHttp2Session {
    if (this.session && !this.session.closed && !this.session.destroyed) return this.session;
    const session = http2.connect(this.baseUrl, this.connectOptions);
    // Each stream of a session that fails tells its own caller; this event would otherwise end the process.
    session.on("error", () => undefined);
    // A server that is about to stop takes no new calls: the next one makes a new connection.
    session.on("goaway", () => session.close());
    this.session = session;
    return session;
  }
}

function responseHead(
  stream: http2.ClientHttp2Stream,
  url: string,
): Promise<http2.IncomingHttpHeaders & http2.IncomingHttpStatusHeader> {
  return new Promise((resolve, reject) => {
    stream.once("response", resolve);
    stream.on("error", (cause) => {
      // Of the connection and not of the stream: whoever is there does not speak HTTP/2.
      if ("code" in cause && cause.code === "ERR_HTTP2_ERROR")
        reject(new ConfabError("PROTOCOL_VIOLATION", `${url} does not answer in HTTP/2`, { cause }));
      reject(networkFailure("ENGINE_UNAVAILABLE", `cannot reach ${url}: ${networkFailureText(cause)}`, cause));
    });
    stream.once("close", () => reject(networkFailure("ENGINE_UNAVAILABLE", "the connection was lost")));
  });
}

async function* streamMessages(
  stream: http2.ClientHttp2Stream,
  header: (name: string) => string | undefined,
  trailers: Promise<http2.IncomingHttpHeaders | undefined>,
): AsyncGenerator<Uint8Array> {
  try {
    for await (const { message } of envelopes(bodyOf(stream))) yield message;
    if (header("grpc-status") !== undefined) return;
    const fields = await trailers;
    if (!fields) throw networkFailure("ENGINE_UNAVAILABLE", "the stream was cut off");
    const error = errorFromGrpc(fieldsOf(fields));
    if (error) throw error;
  } finally {
    stream.close(http2.constants.NGHTTP2_CANCEL);
  }
}

async function* bodyOf(stream: http2.ClientHttp2Stream): AsyncGenerator<Uint8Array> {
  try {
    yield* stream as AsyncIterable<Buffer>;
  } catch (cause) {
    throw networkFailure("ENGINE_UNAVAILABLE", `the connection was lost: ${networkFailureText(cause)}`, cause);
  }
}

function closed(stream: http2.ClientHttp2Stream, error: Error): Error {
  stream.close(http2.constants.NGHTTP2_CANCEL);
  return error;
}

function fieldsOf(headers: http2.IncomingHttpHeaders): (name: string) => string | undefined {
  return (name) => {
    const value = headers[name];
    return typeof value === "string" ? value : value?.[0];
  };
}
