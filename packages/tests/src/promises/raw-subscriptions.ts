import {
  create,
  fromBinary,
  fromJson,
  fromJsonString,
  type JsonValue,
  toBinary,
  toJsonString,
} from "@bufbuild/protobuf";
import { EnvelopeReader, enveloped, formatPosition, type Position, parsePosition } from "@confab/contract";
import { ClientFrameSchema, type ServerFrame, SubscribedSchema } from "@confab/contract/gen/confab/v1/frame_pb";
import { type ChatMessage, ChatMessageSchema, UserSchema } from "@confab/contract/gen/confab/v1/message_pb";
import { WebSocket } from "ws";
import { base64Decoded, codeFromTrailers, frameWithoutDetails, tooLong } from "../parity/raw-clients.js";
import { endingCode } from "../parity/raw-readers.js";
import { type OpenByteStream, overHttp1, overHttp2 } from "./byte-stream.js";
import { Reading } from "./reading.js";

type Format = "proto" | "json";

/** How a reading ends whose server vanished without a word. */
const broken = "broken";

export interface ReadFrom {
  readonly url: string;
  readonly room: string;
  /** Undefined: from now on. */
  readonly after: Position | undefined;
}

/** A way to read a room for as long as one likes, at the level of bytes. */
export interface RawSubscription {
  readonly name: string;
  /** Whether the server says on it that a resume is whole. */
  readonly tellsRecovered: boolean;
  read(from: ReadFrom): Reading;
}

/** Every way to read a room that the server has. */
export const rawSubscriptions: readonly RawSubscription[] = [
  rpc("gRPC", overHttp2, "application/grpc+proto"),
  rpc("gRPC in JSON", overHttp2, "application/grpc+json"),
  rpc("gRPC-Web over HTTP/1.1", overHttp1, "application/grpc-web+proto"),
  rpc("gRPC-Web over HTTP/2", overHttp2, "application/grpc-web+proto"),
  rpc("gRPC-Web text", overHttp1, "application/grpc-web-text+proto"),
  rpc("Connect in Protobuf", overHttp1, "application/connect+proto"),
  rpc("Connect in JSON", overHttp1, "application/connect+json"),
  { name: "SSE", tellsRecovered: true, read: (from) => readEvents(from, overHttp1) },
  { name: "SSE over HTTP/2", tellsRecovered: true, read: (from) => readEvents(from, overHttp2) },
  { name: "WebSocket, plain", tellsRecovered: false, read: readPlain },
  { name: "WebSocket, JSON frames", tellsRecovered: true, read: (from) => readFramed(from, "json") },
  { name: "WebSocket, Protobuf frames", tellsRecovered: true, read: (from) => readFramed(from, "proto") },
  { name: "Converse", tellsRecovered: true, read: (from) => converse(from, "proto") },
  { name: "Converse in JSON", tellsRecovered: true, read: (from) => converse(from, "json") },
];

/** gRPC on streams of one connection. */
export function grpcOver(open: OpenByteStream): RawSubscription {
  return rpc("gRPC on a shared connection", open, "application/grpc+proto");
}

function rpc(name: string, open: OpenByteStream, contentType: string): RawSubscription {
  return { name, tellsRecovered: false, read: (from) => readRpc(from, open, contentType) };
}

function readRpc(from: ReadFrom, open: OpenByteStream, contentType: string): Reading {
  const format = contentType.endsWith("json") ? "json" : "proto";
  const isText = contentType.includes("-text");
  const user = userOf(from);
  const bytes = format === "proto" ? toBinary(UserSchema, user) : Buffer.from(toJsonString(UserSchema, user));
  const body = Buffer.from(enveloped(0, bytes));
  const reading = new Reading();
  const envelopes = envelopesFor(reading, (message) => reading.take(messageFrom(format, message)));
  let text = "";
  return reading.attach(
    open(
      {
        url: from.url,
        method: "POST",
        path: "/confab.v1.ChatService/StreamMessages",
        headers: { "content-type": contentType, te: "trailers" },
        body: isText ? Buffer.from(body.toString("base64")) : body,
      },
      {
        head: (fields) => reading.started(parsePosition(String(fields["confab-position"]))),
        data: (chunk) => {
          if (!isText) return envelopes.push(chunk);
          text += chunk.toString("latin1");
          const whole = text.length - (text.length % 4);
          envelopes.push(base64Decoded(text.slice(0, whole)));
          text = text.slice(whole);
        },
        ended: (trailers) => reading.ended(codeFromTrailers(trailers)),
        failed: () => reading.ended(broken),
      },
    ),
  );
}

function converse(from: ReadFrom, format: Format): Reading {
  const reading = new Reading();
  const envelopes = envelopesFor(reading, (message) =>
    takeFrame(reading, frameWithoutDetails(Buffer.from(message), format === "proto")),
  );
  const stream = overHttp2(
    {
      url: from.url,
      method: "POST",
      path: "/confab.v1.ChatService/Converse",
      headers: { "content-type": `application/grpc+${format}`, te: "trailers" },
      body: undefined,
    },
    {
      head: () => undefined,
      data: (chunk) => envelopes.push(chunk),
      ended: (trailers) => reading.ended(codeFromTrailers(trailers)),
      failed: () => reading.ended(broken),
    },
  );
  stream.write(Buffer.from(enveloped(0, subscribeBytes(from, format))));
  return reading.attach(stream);
}

function readEvents(from: ReadFrom, open: OpenByteStream): Reading {
  const reading = new Reading();
  const decoder = new TextDecoder();
  let text = "";
  let isStream = true;
  const takeEvent = (event: string) => {
    const lines = event.split("\n");
    const field = (name: string) => lines.find((line) => line.startsWith(`${name}: `))?.slice(name.length + 2);
    const data = field("data");
    if (data === undefined) return;
    switch (field("event")) {
      case undefined:
        return reading.take(messageFromJson(data));
      case "subscribed": {
        const { recovered } = fromJsonString(SubscribedSchema, data);
        return reading.started(parsePosition(field("id") ?? ""), recovered);
      }
      case "error":
        return reading.ended((JSON.parse(data) as { code: string }).code);
    }
  };
  const headers = { accept: "text/event-stream", ...(from.after && { "last-event-id": formatPosition(from.after) }) };
  return reading.attach(
    open(
      { url: from.url, method: "GET", path: `/v1/rooms/${from.room}/stream?name=listener`, headers, body: undefined },
      {
        head: (fields) => {
          isStream = fields[":status"] === 200;
        },
        data: (chunk) => {
          text += decoder.decode(chunk, { stream: true });
          if (!isStream) return;
          const events = text.split("\n\n");
          text = events.pop() ?? "";
          events.forEach(takeEvent);
        },
        ended: () => reading.ended(isStream ? "ended" : (JSON.parse(text) as { error: { code: string } }).error.code),
        failed: () => reading.ended(broken),
      },
    ),
  );
}

function readPlain({ url, room, after }: ReadFrom): Reading {
  const resume = after ? `&after=${formatPosition(after)}` : "";
  return readSocket(`${url.replace("http", "ws")}/chat?room=${room}${resume}`, [], undefined, (reading, data) => {
    const json = data.toString();
    if (json.startsWith('{"error"')) reading.ended((JSON.parse(json) as { error: { code: string } }).error.code);
    else reading.take(messageFromJson(json));
  });
}

function readFramed(from: ReadFrom, format: Format): Reading {
  const address = `${from.url.replace("http", "ws")}/chat`;
  return readSocket(
    address,
    [`confab.v1.${format}`],
    { bytes: subscribeBytes(from, format), format },
    (reading, data) => takeFrame(reading, frameWithoutDetails(data, format === "proto")),
  );
}

function readSocket(
  address: string,
  subprotocols: string[],
  first: { readonly bytes: Uint8Array; readonly format: Format } | undefined,
  take: (reading: Reading, data: Buffer) => void,
): Reading {
  const reading = new Reading();
  const socket = new WebSocket(address, subprotocols);
  socket.on("open", () => first && socket.send(first.bytes, { binary: first.format === "proto" }));
  socket.on("message", (data: Buffer) => take(reading, data));
  socket.on("error", () => reading.ended(broken));
  socket.on("close", (code, reason) => reading.ended(reason.toString().split(":", 1)[0] ?? `closed ${code}`));
  return reading.attach({
    pause: () => socket.pause(),
    resume: () => socket.resume(),
    close: () => {
      socket.removeAllListeners();
      // A socket that is not open yet says that it never was.
      socket.on("error", () => undefined);
      socket.terminate();
    },
  });
}

function takeFrame(reading: Reading, { frame }: ServerFrame): void {
  switch (frame.case) {
    case "subscribed": {
      const { position, recovered } = frame.value;
      return reading.started(position && { epoch: position.epoch, offset: Number(position.offset) }, recovered);
    }
    case "messages":
      for (const message of frame.value.messages) reading.take(message);
      return;
    case "unsubscribed":
      return reading.ended(frame.value.reason?.code ?? "unsubscribed");
    case "error":
      return reading.ended(frame.value.code);
    default:
    // Pings and the welcome say nothing about the room.
  }
}

function envelopesFor(reading: Reading, take: (message: Uint8Array) => void): EnvelopeReader {
  return new EnvelopeReader(
    tooLong,
    (flags, content) => {
      if (flags === 0) take(content);
      else reading.ended(endingCode(flags, Buffer.from(content).toString()));
    },
    (length) => reading.ended(`an envelope of ${length} bytes`),
  );
}

function messageFrom(format: Format, bytes: Uint8Array): ChatMessage {
  return format === "proto" ? fromBinary(ChatMessageSchema, bytes) : messageFromJson(Buffer.from(bytes).toString());
}

function messageFromJson(text: string): ChatMessage {
  // Not by fromJsonString, which reads every text a second time to look for keys that are there twice.
  return fromJson(ChatMessageSchema, JSON.parse(text) as JsonValue);
}

function userOf({ room, after }: ReadFrom) {
  return create(UserSchema, {
    name: "listener",
    room,
    ...(after && { after: { epoch: after.epoch, offset: BigInt(after.offset) } }),
  });
}

function subscribeBytes(from: ReadFrom, format: Format): Uint8Array {
  const frame = create(ClientFrameSchema, {
    request: 1,
    frame: { case: "subscribe", value: { reader: userOf(from) } },
  });
  return format === "proto" ? toBinary(ClientFrameSchema, frame) : Buffer.from(toJsonString(ClientFrameSchema, frame));
}
