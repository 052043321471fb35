import type http2 from "node:http2";
import { ConfabError, enveloped } from "@confab/contract";
import { type CallBounds, cancelled, whenAborted } from "../call-signal.js";
import { failureFrom } from "../client-fault.js";
import { authorization, type Credentials } from "../credentials.js";
import type { ChannelEvents, FrameChannel } from "../frames/channel.js";
import { networkFailure, networkFailureText } from "../network-failure.js";
import { type MethodName, methodPath, type RpcCaller, type RpcStream } from "../rpc/caller.js";
import { envelopes } from "../streams/envelopes.js";
import { errorFromGrpc, errorFromHttp } from "../wire/errors.js";
import { checkedHeaders, type HeaderOptions } from "./headers.js";
import { cancelStream, Http2Connection, type Http2ConnectionOptions } from "./http2-connection.js";
import { explainedTlsError } from "./tls.js";

/**
 * gRPC over `node:http2` (grpc/doc/PROTOCOL-HTTP2.md).
 *
 *     HEADERS (head) ─► DATA: envelopes ─► HEADERS (trailers: grpc-status)      a call that went well, or failed late
 *     HEADERS (head with grpc-status) END_STREAM                                "trailers only": refused at once
 */
export class GrpcCaller implements RpcCaller {
  readonly format = "proto";
  readonly showsHeadsAtOnce = true;
  private readonly connection: Http2Connection;
  private readonly ownHeaders: Readonly<Record<string, string>>;

  constructor(
    private readonly options: Http2ConnectionOptions & HeaderOptions,
    private readonly credentials: Credentials = { token: undefined },
  ) {
    this.ownHeaders = checkedHeaders(options);
    this.connection = new Http2Connection(options);
  }

  async unary(method: MethodName, request: Uint8Array, bounds: CallBounds): Promise<Uint8Array> {
    try {
      const stream = await this.call(method, request, bounds.signal, { "grpc-timeout": `${bounds.timeoutMs}m` });
      let reply: Uint8Array | undefined;
      // The reply counts only once the trailers say that it does.
      for await (const message of stream.messages) reply = message;
      return reply ?? new Uint8Array(0);
    } catch (error) {
      if (!bounds.signal.aborted) throw error;
      const reason = bounds.reason();
      if (reason.code === "DEADLINE_EXCEEDED") this.connection.probe();
      throw reason;
    }
  }

  serverStream(method: MethodName, request: Uint8Array, signal: AbortSignal): Promise<RpcStream> {
    return this.call(method, request, signal, {});
  }

  /** A Converse stream. */
  openChannel({ onMessage, onClosed }: ChannelEvents): FrameChannel {
    const stream = this.open("Converse", {});
    let isOver = false;
    const finish = (error: ConfabError) => {
      if (isOver) return;
      isOver = true;
      cancelStream(stream);
      onClosed(error);
    };
    const read = async () => {
      const { messages } = await answerOf(stream, this.options.baseUrl);
      for await (const message of messages) if (!isOver) onMessage(message);
      throw networkFailure("ENGINE_UNAVAILABLE", "the server ended the stream");
    };
    read().catch((error: unknown) => finish(failureFrom(error)));
    return {
      get isOpen() {
        return !isOver;
      },
      send: (frame) => {
        if (typeof frame === "string") throw new TypeError("Converse takes bytes");
        stream.write(enveloped(0, frame));
      },
      close: finish,
    };
  }

  close(): void {
    this.connection.close();
  }

  private async call(
    method: MethodName,
    request: Uint8Array,
    signal: AbortSignal,
    extraHeaders: http2.OutgoingHttpHeaders,
  ): Promise<RpcStream> {
    if (signal.aborted) throw cancelled(signal);
    const stream = this.open(method, extraHeaders);
    const stopListening = whenAborted(signal, () => cancelStream(stream));
    stream.once("close", stopListening);
    stream.end(enveloped(0, request));
    return answerOf(stream, this.options.baseUrl);
  }

  private open(method: MethodName | "Converse", extraHeaders: http2.OutgoingHttpHeaders): http2.ClientHttp2Stream {
    const { pathname } = new URL(this.options.baseUrl);
    return this.connection.request({
      ...this.ownHeaders,
      ":method": "POST",
      ":path": (pathname === "/" ? "" : pathname) + methodPath(method),
      "content-type": "application/grpc+proto",
      te: "trailers",
      ...authorization(this.credentials),
      ...extraHeaders,
    });
  }
}

/** The head of an answer, and its messages to come. @throws the error that the head is, or why there is none. */
async function answerOf(stream: http2.ClientHttp2Stream, url: string): Promise<RpcStream> {
  const trailers = new Promise<http2.IncomingHttpHeaders | undefined>((resolve) => {
    stream.once("trailers", resolve);
    stream.once("close", () => resolve(undefined));
  });
  const head = await responseHead(stream, url);
  const header = fieldsOf(head);
  const error = header("grpc-status") === undefined ? undefined : errorFromGrpc(header);
  const failure = error ?? (head[":status"] === 200 ? undefined : errorFromHttp(head[":status"] ?? 0, ""));
  if (failure) {
    // The body is not read, so the stream would never close by itself.
    cancelStream(stream);
    throw failure;
  }
  return { header, messages: streamMessages(stream, header, trailers) };
}

function responseHead(
  stream: http2.ClientHttp2Stream,
  url: string,
): Promise<http2.IncomingHttpHeaders & http2.IncomingHttpStatusHeader> {
  return new Promise((resolve, reject) => {
    stream.once("response", resolve);
    stream.on("error", (error) => {
      const cause = explainedTlsError(error);
      // Of the connection and not of the stream: whoever is there does not speak HTTP/2.
      if ("code" in cause && cause.code === "ERR_HTTP2_ERROR")
        reject(new ConfabError("PROTOCOL_VIOLATION", `${url} does not answer in HTTP/2${hintFor(url)}`, { cause }));
      reject(networkFailure("ENGINE_UNAVAILABLE", `cannot reach ${url}: ${networkFailureText(cause)}`, cause));
    });
    stream.once("close", () => reject(networkFailure("ENGINE_UNAVAILABLE", "the connection was lost")));
  });
}

/** A port of TLS answers clear text in the clear, and in HTTP/1.1. */
function hintFor(url: string): string {
  return url.startsWith("http:") ? "; is it https:// that is meant?" : "";
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
    cancelStream(stream);
  }
}

async function* bodyOf(stream: http2.ClientHttp2Stream): AsyncGenerator<Uint8Array> {
  // The stream's own iterator would destroy it when the loop is left, in the middle of nghttp2's reading.
  const chunks = stream.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>;
  try {
    yield* chunks;
  } catch (cause) {
    throw networkFailure("ENGINE_UNAVAILABLE", `the connection was lost: ${networkFailureText(cause)}`, cause);
  }
}

function fieldsOf(headers: http2.IncomingHttpHeaders): (name: string) => string | undefined {
  return (name) => {
    const value = headers[name];
    return typeof value === "string" ? value : value?.[0];
  };
}
