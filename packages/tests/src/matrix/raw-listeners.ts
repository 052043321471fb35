import { connect as connectHttp2 } from "node:http2";
import { create, fromBinary, fromJsonString, toBinary, toJsonString } from "@bufbuild/protobuf";
import { EnvelopeReader, enveloped } from "@confab/contract";
import { ClientFrameSchema } from "@confab/contract/gen/confab/v1/frame_pb";
import { type ChatMessage, ChatMessageSchema, UserSchema } from "@confab/contract/gen/confab/v1/message_pb";
import { WebSocket } from "ws";
import { type AskedFilter, filterQuery, frameWithoutDetails, tooLong } from "../parity/raw-clients.js";

/** A way to hear a room, at the level of bytes and with nobody's SDK. */
export interface RawListener {
  readonly name: string;
  /** Hear messages from now on, and changes of messages if they are asked for. The result ends it. */
  listen(url: string, asked: AskedRoom, heard: (message: ChatMessage) => void): () => void;
}

export interface AskedRoom {
  readonly room: string;
  readonly changes?: boolean;
  readonly filter?: AskedFilter;
}

const streamPath = "/confab.v1.ChatService/StreamMessages";
const conversePath = "/confab.v1.ChatService/Converse";

type Format = "proto" | "json";

export const rawListeners: readonly RawListener[] = [
  { name: "gRPC", listen: (url, asked, heard) => listenGrpc(url, asked, "proto", heard) },
  { name: "gRPC in JSON", listen: (url, asked, heard) => listenGrpc(url, asked, "json", heard) },
  {
    name: "gRPC-Web",
    listen: (url, asked, heard) => listenFetch(url, asked, "application/grpc-web+proto", "proto", heard),
  },
  {
    name: "gRPC-Web text",
    listen: (url, asked, heard) => listenFetch(url, asked, "application/grpc-web-text+proto", "proto", heard),
  },
  {
    name: "Connect in Protobuf",
    listen: (url, asked, heard) => listenFetch(url, asked, "application/connect+proto", "proto", heard),
  },
  {
    name: "Connect in JSON",
    listen: (url, asked, heard) => listenFetch(url, asked, "application/connect+json", "json", heard),
  },
  { name: "SSE", listen: listenSse },
  { name: "WebSocket, plain", listen: listenPlain },
  { name: "WebSocket, JSON frames", listen: (url, asked, heard) => listenFramed(url, asked, "confab.v1.json", heard) },
  {
    name: "WebSocket, Protobuf frames",
    listen: (url, asked, heard) => listenFramed(url, asked, "confab.v1.proto", heard),
  },
  { name: "Converse", listen: (url, asked, heard) => listenConverse(url, asked, "proto", heard) },
  { name: "Converse in JSON", listen: (url, asked, heard) => listenConverse(url, asked, "json", heard) },
];

function decoded(format: Format, bytes: Uint8Array): ChatMessage {
  return format === "proto"
    ? fromBinary(ChatMessageSchema, bytes)
    : fromJsonString(ChatMessageSchema, Buffer.from(bytes).toString());
}

function userBytes(asked: AskedRoom, format: Format): Uint8Array {
  const user = create(UserSchema, { name: "listener", ...asked });
  return format === "proto" ? toBinary(UserSchema, user) : Buffer.from(toJsonString(UserSchema, user));
}

function subscribeBytes(asked: AskedRoom, format: Format): Uint8Array {
  const frame = create(ClientFrameSchema, {
    request: 1,
    frame: { case: "subscribe", value: { reader: { name: "listener", ...asked } } },
  });
  return format === "proto" ? toBinary(ClientFrameSchema, frame) : Buffer.from(toJsonString(ClientFrameSchema, frame));
}

/** Envelopes that carry a message; the ending is not one. */
function messagesOf(take: (message: Uint8Array) => void): EnvelopeReader {
  return new EnvelopeReader(
    tooLong,
    (flags, message) => {
      if (flags === 0) take(message);
    },
    (length) => {
      throw new Error(`an envelope of ${length} bytes`);
    },
  );
}

function openHttp2(url: string, path: string, format: Format, take: (message: Uint8Array) => void) {
  const session = connectHttp2(url);
  const stream = session.request({
    ":method": "POST",
    ":path": path,
    "content-type": `application/grpc+${format}`,
    te: "trailers",
  });
  const envelopes = messagesOf(take);
  stream.on("data", (chunk: Buffer) => envelopes.push(chunk));
  return { stream, close: () => session.destroy() };
}

function listenGrpc(url: string, asked: AskedRoom, format: Format, heard: (message: ChatMessage) => void): () => void {
  const { stream, close } = openHttp2(url, streamPath, format, (message) => heard(decoded(format, message)));
  stream.end(Buffer.from(enveloped(0, userBytes(asked, format))));
  return close;
}

function listenConverse(
  url: string,
  asked: AskedRoom,
  format: Format,
  heard: (message: ChatMessage) => void,
): () => void {
  const { stream, close } = openHttp2(url, conversePath, format, (message) =>
    hearFrame(Buffer.from(message), format === "proto", heard),
  );
  stream.write(Buffer.from(enveloped(0, subscribeBytes(asked, format))));
  return close;
}

function hearFrame(data: Buffer, isBinary: boolean, heard: (message: ChatMessage) => void): void {
  const { frame } = frameWithoutDetails(data, isBinary);
  if (frame.case === "error") throw new Error(frame.value.message);
  if (frame.case === "messages") for (const message of frame.value.messages) heard(message);
}

/** Read a response's body until it is aborted; any other failure is the test's. */
function readBody(response: Promise<Response>, abort: AbortController, take: (chunk: Uint8Array) => void): () => void {
  const read = async () => {
    for await (const chunk of (await response).body ?? []) take(chunk as Uint8Array);
  };
  read().catch((error: unknown) => {
    if (!abort.signal.aborted) throw error;
  });
  return () => abort.abort();
}

function listenFetch(
  url: string,
  asked: AskedRoom,
  contentType: string,
  format: Format,
  heard: (message: ChatMessage) => void,
): () => void {
  const isText = contentType.includes("-text");
  const request = Buffer.from(enveloped(0, userBytes(asked, format)));
  const abort = new AbortController();
  const response = fetch(url + streamPath, {
    method: "POST",
    headers: { "content-type": contentType },
    body: isText ? request.toString("base64") : request,
    signal: abort.signal,
  });
  const envelopes = messagesOf((message) => heard(decoded(format, message)));
  let text = "";
  return readBody(response, abort, (chunk) => {
    if (!isText) {
      envelopes.push(chunk);
      return;
    }
    // Groups of four characters, any of which may be padded.
    text += Buffer.from(chunk).toString("latin1");
    const whole = text.length - (text.length % 4);
    for (let at = 0; at < whole; at += 4) envelopes.push(Buffer.from(text.slice(at, at + 4), "base64"));
    text = text.slice(whole);
  });
}

function listenSse(
  url: string,
  { room, changes = false, filter }: AskedRoom,
  heard: (message: ChatMessage) => void,
): () => void {
  const abort = new AbortController();
  const response = fetch(`${url}/v1/rooms/${room}/stream?name=listener&changes=${changes}${filterQuery(filter)}`, {
    headers: { accept: "text/event-stream" },
    signal: abort.signal,
  });
  const decoder = new TextDecoder();
  let text = "";
  return readBody(response, abort, (chunk) => {
    text += decoder.decode(chunk, { stream: true });
    const events = text.split("\n\n");
    text = events.pop() ?? "";
    for (const event of events) {
      const lines = event.split("\n");
      const data = lines.find((line) => line.startsWith("data: "))?.slice(6);
      if (data !== undefined && !lines.some((line) => line.startsWith("event: ")))
        heard(fromJsonString(ChatMessageSchema, data));
    }
  });
}

function listenPlain(
  url: string,
  { room, changes = false, filter }: AskedRoom,
  heard: (message: ChatMessage) => void,
): () => void {
  const query = `room=${room}&changes=${changes}${filterQuery(filter)}`;
  const socket = new WebSocket(`${url.replace("http", "ws")}/chat?${query}`);
  socket.on("message", (data: Buffer) => heard(fromJsonString(ChatMessageSchema, data.toString())));
  return () => socket.terminate();
}

function listenFramed(
  url: string,
  asked: AskedRoom,
  subprotocol: string,
  heard: (message: ChatMessage) => void,
): () => void {
  const socket = new WebSocket(`${url.replace("http", "ws")}/chat`, subprotocol);
  const format = subprotocol === "confab.v1.json" ? "json" : "proto";
  socket.on("open", () => socket.send(subscribeBytes(asked, format), { binary: format === "proto" }));
  socket.on("message", (data: Buffer, isBinary) => hearFrame(data, isBinary, heard));
  return () => socket.terminate();
}
