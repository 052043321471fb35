import { gzipSync } from "node:zlib";
import { EnvelopeReader, enveloped, envelopeFlag } from "@confab/contract";
import { sendMessagePath, streamMessagesPath } from "../../bench/load/grpc-calls.js";
import type { Transport } from "../transports.js";
import { EventReader } from "./event-reader.js";
import type { HttpRequest } from "./http-types.js";
import type { MessageCodec } from "./message-codec.js";
import { decoded } from "./refusal.js";
import { maxBodyBytes } from "./wire.js";

/** Takes the bodies of messages out of an answer's bytes. */
export interface BodyReader {
  push(bytes: Uint8Array): void;
}

/** How one protocol over HTTP spells a send and a reading. */
export interface RpcProtocol {
  sendRequest(body: Uint8Array, room: string, isCompressed: boolean): HttpRequest;
  streamRequest(room: string, history: number): HttpRequest;
  /** Whether the answer to a send stands in envelopes. */
  readonly acksInEnvelopes: boolean;
  createStreamReader(onBody: (body: Uint8Array) => void, failed: (reason: string) => void): BodyReader;
}

type Header = readonly [name: string, value: string];

export function rpcProtocol(transport: Transport, codec: MessageCodec): RpcProtocol {
  switch (transport.carrier) {
    case "grpc":
      return enveloping(transport.contentType, "grpc-encoding", [["te", "trailers"]], codec);
    case "grpc-web":
      return enveloping(transport.contentType, "grpc-encoding", [["x-grpc-web", "1"]], codec);
    case "connect":
      return connectProtocol(transport.contentType, codec);
    case "sse":
      return sseAndRest;
    case "websocket":
      throw new Error("a WebSocket is not made of requests");
  }
}

function enveloping(
  contentType: string,
  encodingHeader: string,
  own: readonly Header[],
  codec: MessageCodec,
): RpcProtocol {
  const headers: readonly Header[] = [["content-type", contentType], ...own];
  return {
    acksInEnvelopes: true,
    sendRequest: (body, _room, isCompressed) => ({
      method: "POST",
      path: sendMessagePath,
      headers: isCompressed ? [...headers, [encodingHeader, "gzip"]] : headers,
      body: isCompressed ? enveloped(envelopeFlag.compressed, gzipSync(body)) : enveloped(0, body),
    }),
    streamRequest: (room, history) => ({
      method: "POST",
      path: streamMessagesPath,
      headers,
      body: enveloped(0, codec.encodeSubscribe(room, history)),
    }),
    createStreamReader: createEnvelopeReader,
  };
}

/** Connect: unary calls are plain requests, streams stand in envelopes (connectrpc.com/docs/protocol). */
function connectProtocol(contentType: string, codec: MessageCodec): RpcProtocol {
  const version: Header = ["connect-protocol-version", "1"];
  return {
    acksInEnvelopes: false,
    sendRequest: (body, _room, isCompressed) => ({
      method: "POST",
      path: sendMessagePath,
      headers: [
        ["content-type", `application/${contentType}`],
        version,
        ...(isCompressed ? ([["content-encoding", "gzip"]] as const) : []),
      ],
      body: isCompressed ? gzipSync(body) : body,
    }),
    streamRequest: (room, history) => ({
      method: "POST",
      path: streamMessagesPath,
      headers: [["content-type", `application/connect+${contentType}`], version],
      body: enveloped(0, codec.encodeSubscribe(room, history)),
    }),
    createStreamReader: createEnvelopeReader,
  };
}

/** Messages in envelopes; the last envelope, which holds the outcome, only comes when the server ends the stream. */
function createEnvelopeReader(onBody: (body: Uint8Array) => void, failed: (reason: string) => void): BodyReader {
  const endings = envelopeFlag.connectEnd | envelopeFlag.grpcWebTrailers;
  const envelopes = new EnvelopeReader(
    maxBodyBytes,
    (flags, body) => {
      if ((flags & endings) === 0) onBody(body);
      else if (flags & envelopeFlag.connectEnd || !isGrpcOk(body))
        failed(decoded(Buffer.from(body).toString("utf8").trim()));
    },
    (length) => failed(`a message of ${length} bytes`),
  );
  // It keeps what it is given until a message is whole, and the socket's buffer is used again before that.
  return { push: (bytes) => envelopes.push(Uint8Array.from(bytes)) };
}

function isGrpcOk(trailers: Uint8Array): boolean {
  return /grpc-status: ?0\b/.test(Buffer.from(trailers).toString("latin1"));
}

const sseAndRest: RpcProtocol = {
  acksInEnvelopes: false,
  sendRequest: (body, room, isCompressed) => ({
    method: "POST",
    path: `/v1/rooms/${room}/messages`,
    headers: [["content-type", "application/json"], ...(isCompressed ? ([["content-encoding", "gzip"]] as const) : [])],
    body: isCompressed ? gzipSync(body) : body,
  }),
  streamRequest: (room, history) => ({
    method: "GET",
    path: `/v1/rooms/${room}/stream?history=${history}`,
    headers: [["accept", "text/event-stream"]],
  }),
  createStreamReader: (onBody, failed) =>
    new EventReader((name, data) => (name === "error" ? failed(data.toString("utf8")) : onBody(data))),
};
