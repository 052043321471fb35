import { request as requestHttp1 } from "node:http";
import { type ClientHttp2Session, type ClientHttp2Stream, connect as connectHttp2, constants } from "node:http2";
import { request as requestHttps } from "node:https";

/** One request whose answer comes as bytes, read by a client that can stop reading. */
export interface ByteStream {
  write(bytes: Uint8Array): void;
  /** Take nothing more: over HTTP/2 the stream's window runs out, over HTTP/1.1 the socket's buffers fill. */
  pause(): void;
  resume(): void;
  /** Vanish, without a word. */
  close(): void;
}

export interface ByteStreamRequest {
  readonly url: string;
  readonly method: "GET" | "POST";
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  /** The request's body, which ends with it; undefined: it stays open for `write`. */
  readonly body: Uint8Array | undefined;
}

export interface ByteStreamListener {
  /** The answer's head; `:status` is a number in both versions of HTTP. */
  head(fields: Readonly<Record<string, unknown>>): void;
  data(chunk: Buffer): void;
  /** The answer is complete. Not called after `close`. */
  ended(trailers: Readonly<Record<string, unknown>>): void;
  /** The connection broke, perhaps more than once. Without it that fails the test. */
  failed?(error: Error): void;
}

export type OpenByteStream = (request: ByteStreamRequest, listener: ByteStreamListener) => ByteStream;

const cancel = constants.NGHTTP2_CANCEL;

/** A connection of its own for each stream. */
export const overHttp2: OpenByteStream = (request, listener) => {
  const session = connectHttp2(request.url);
  session.on("error", () => {
    // Its one stream fails with it, and tells.
  });
  return openStream(session, request, listener, () => session.destroy());
};

/** Streams that share a connection, as a gateway's do. Its owner closes it. */
export function overSession(session: ClientHttp2Session): OpenByteStream {
  return (request, listener) => openStream(session, request, listener, (stream) => stream.close(cancel));
}

function openStream(
  session: ClientHttp2Session,
  { method, path, headers, body }: ByteStreamRequest,
  listener: ByteStreamListener,
  release: (stream: ClientHttp2Stream) => void,
): ByteStream {
  let isClosed = false;
  const fail = (error: Error) => {
    if (isClosed) return;
    if (!listener.failed) throw error;
    listener.failed(error);
  };
  const stream = session.request({ ":method": method, ":path": path, ...headers }, { endStream: method === "GET" });
  let trailers: Readonly<Record<string, unknown>> = {};
  stream.on("error", fail);
  stream.on("response", (fields) => {
    // An answer of headers alone carries its status in them.
    if (fields["grpc-status"] !== undefined) trailers = fields;
    listener.head(fields);
  });
  stream.on("trailers", (fields) => {
    trailers = fields;
  });
  stream.on("data", (chunk: Buffer) => listener.data(chunk));
  stream.on("end", () => {
    if (isClosed) return;
    listener.ended(trailers);
    isClosed = true;
    release(stream);
  });
  stream.on("close", () => fail(new Error("the stream was cut off")));
  if (body) stream.end(body);
  return {
    write: (bytes) => stream.write(bytes),
    pause: () => stream.pause(),
    resume: () => stream.resume(),
    close: () => {
      isClosed = true;
      release(stream);
    },
  };
}

export const overHttp1: OpenByteStream = ({ url, method, path, headers, body }, listener) => {
  let isClosed = false;
  let isPaused = false;
  let response: { pause(): void; resume(): void } | undefined;
  const fail = (error: Error) => {
    if (isClosed) return;
    if (!listener.failed) throw error;
    listener.failed(error);
  };
  const ask = url.startsWith("https:") ? requestHttps : requestHttp1;
  const request = ask(url + path, { method, headers, agent: false }, (incoming) => {
    response = incoming;
    listener.head({ ...incoming.headers, ":status": incoming.statusCode });
    incoming.on("data", (chunk: Buffer) => listener.data(chunk));
    incoming.on("end", () => {
      if (!isClosed) listener.ended(incoming.trailers);
    });
    // Whoever closes in the middle of an answer is told that it was cut.
    incoming.on("error", fail);
    if (isPaused) incoming.pause();
  });
  request.on("error", fail);
  if (body) request.end(body);
  else if (method === "GET") request.end();
  return {
    write: (bytes) => request.write(bytes),
    pause: () => {
      isPaused = true;
      response?.pause();
    },
    resume: () => {
      isPaused = false;
      response?.resume();
    },
    close: () => {
      isClosed = true;
      request.destroy();
    },
  };
};
