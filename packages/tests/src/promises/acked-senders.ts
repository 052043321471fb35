import { create, fromBinary, fromJsonString, toBinary, toJsonString } from "@bufbuild/protobuf";
import { EnvelopeReader, enveloped } from "@confab/contract";
import { ClientFrameSchema } from "@confab/contract/gen/confab/v1/frame_pb";
import { ChatMessageSchema, type ChatResponse, ChatResponseSchema } from "@confab/contract/gen/confab/v1/message_pb";
import { WebSocket } from "ws";
import { base64Decoded, frameWithoutDetails, tooLong } from "../parity/raw-clients.js";
import { type OpenByteStream, overHttp1, overHttp2 } from "./byte-stream.js";

type Format = "proto" | "json";

export interface Send {
  readonly user: string;
  readonly room: string;
  readonly id: string;
  readonly text: string;
}

export interface Acknowledged {
  readonly id: string;
  /** `epoch:offset`. */
  readonly position: string;
  readonly isDuplicate: boolean;
}

/** A way to send that is acknowledged; each call is a connection of its own. Rejects without an acknowledgement. */
export interface AckedSender {
  readonly name: string;
  send(url: string, send: Send): Promise<Acknowledged>;
}

const sendPath = "/confab.v1.ChatService/SendMessage";

/** Every way to send that acknowledges: all but the plain WebSocket. */
export const ackedSenders: readonly AckedSender[] = [
  enveloping("gRPC", overHttp2, "application/grpc+proto"),
  enveloping("gRPC in JSON", overHttp2, "application/grpc+json"),
  enveloping("gRPC-Web", overHttp1, "application/grpc-web+proto"),
  enveloping("gRPC-Web text", overHttp1, "application/grpc-web-text+proto"),
  whole("Connect in Protobuf", () => sendPath, "application/proto"),
  whole("Connect in JSON", () => sendPath, "application/json"),
  whole("REST", ({ room }) => `/v1/rooms/${room}/messages`, "application/json"),
  { name: "WebSocket, JSON frames", send: (url, send) => sendFramed(url, send, "json") },
  { name: "WebSocket, Protobuf frames", send: (url, send) => sendFramed(url, send, "proto") },
  { name: "Converse", send: (url, send) => converse(url, send, "proto") },
  { name: "Converse in JSON", send: (url, send) => converse(url, send, "json") },
];

function enveloping(name: string, open: OpenByteStream, contentType: string): AckedSender {
  const format = contentType.endsWith("json") ? "json" : "proto";
  const isText = contentType.includes("-text");
  return {
    name,
    send: async (url, send) => {
      const body = Buffer.from(enveloped(0, messageBytes(send, format)));
      const answer = await answerTo(open, {
        url,
        path: sendPath,
        contentType,
        body: isText ? Buffer.from(body.toString("base64")) : body,
      });
      const reply = firstMessage(isText ? base64Decoded(answer.toString("latin1")) : answer);
      return acknowledged(responseFrom(reply, format));
    },
  };
}

function whole(name: string, path: (send: Send) => string, contentType: string): AckedSender {
  const format = contentType.endsWith("json") ? "json" : "proto";
  return {
    name,
    send: async (url, send) => {
      const body = messageBytes(send, format);
      const answer = await answerTo(overHttp1, { url, path: path(send), contentType, body });
      return acknowledged(responseFrom(answer, format));
    },
  };
}

interface Unary {
  readonly url: string;
  readonly path: string;
  readonly contentType: string;
  readonly body: Uint8Array;
}

function answerTo(open: OpenByteStream, { url, path, contentType, body }: Unary): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    open(
      { url, method: "POST", path, headers: { "content-type": contentType, te: "trailers" }, body },
      {
        head: () => undefined,
        data: (chunk) => chunks.push(chunk),
        ended: () => resolve(Buffer.concat(chunks)),
        failed: reject,
      },
    );
  });
}

function firstMessage(body: Buffer): Uint8Array {
  const messages: Uint8Array[] = [];
  const reader = new EnvelopeReader(
    tooLong,
    (flags, message) => {
      if (flags === 0) messages.push(message);
    },
    () => undefined,
  );
  reader.push(body);
  const [first] = messages;
  if (!first) throw new Error("answered without an acknowledgement");
  return first;
}

function converse(url: string, send: Send, format: Format): Promise<Acknowledged> {
  return new Promise((resolve, reject) => {
    const reader = new EnvelopeReader(
      tooLong,
      (_flags, message) => {
        const ack = ackIn(Buffer.from(message), format);
        if (!ack) return;
        stream.close();
        resolve(ack);
      },
      () => reject(new Error("an envelope too long")),
    );
    const stream = overHttp2(
      {
        url,
        method: "POST",
        path: "/confab.v1.ChatService/Converse",
        headers: { "content-type": `application/grpc+${format}`, te: "trailers" },
        body: undefined,
      },
      {
        head: () => undefined,
        data: (chunk) => reader.push(chunk),
        ended: () => reject(new Error("ended without an acknowledgement")),
        failed: reject,
      },
    );
    stream.write(Buffer.from(enveloped(0, frameBytes(send, format))));
  });
}

function sendFramed(url: string, send: Send, format: Format): Promise<Acknowledged> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(`${url.replace("http", "ws")}/chat`, `confab.v1.${format}`);
    socket.on("open", () => socket.send(frameBytes(send, format), { binary: format === "proto" }));
    socket.on("message", (data: Buffer) => {
      const ack = ackIn(data, format);
      if (!ack) return;
      resolve(ack);
      socket.terminate();
    });
    socket.on("error", reject);
    socket.on("close", () => reject(new Error("closed without an acknowledgement")));
  });
}

function ackIn(data: Buffer, format: Format): Acknowledged | undefined {
  const { frame } = frameWithoutDetails(data, format === "proto");
  if (frame.case === "error") throw new Error(frame.value.message);
  return frame.case === "ack" ? acknowledged(frame.value) : undefined;
}

function messageBytes(send: Send, format: Format): Uint8Array {
  const message = create(ChatMessageSchema, send);
  return format === "proto"
    ? toBinary(ChatMessageSchema, message)
    : Buffer.from(toJsonString(ChatMessageSchema, message));
}

function frameBytes(send: Send, format: Format): Uint8Array {
  const frame = create(ClientFrameSchema, {
    request: 1,
    frame: { case: "send", value: create(ChatMessageSchema, send) },
  });
  return format === "proto" ? toBinary(ClientFrameSchema, frame) : Buffer.from(toJsonString(ClientFrameSchema, frame));
}

function responseFrom(bytes: Uint8Array, format: Format): ChatResponse {
  return format === "proto"
    ? fromBinary(ChatResponseSchema, bytes)
    : fromJsonString(ChatResponseSchema, Buffer.from(bytes).toString());
}

function acknowledged({ id, position, duplicate }: ChatResponse): Acknowledged {
  return { id, position: `${position?.epoch}:${position?.offset}`, isDuplicate: duplicate };
}
