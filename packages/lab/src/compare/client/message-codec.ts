import { create, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { type ClientFrame, ClientFrameSchema, ServerFrameSchema } from "@confab/contract/gen/confab/v1/frame_pb";
import {
  type ChatMessage,
  ChatMessageSchema,
  ChatResponseSchema,
  UserSchema,
} from "@confab/contract/gen/confab/v1/message_pb";
import type { BoundSample } from "../sample/bound-sample.js";
import type { CodecName } from "../transports.js";

/** What one body from the server says. */
export type Arrival =
  | { readonly kind: "messages"; readonly ids: readonly string[] }
  | { readonly kind: "ack" | "subscribed" | "other" }
  | { readonly kind: "error"; readonly text: string };

export interface SendFields {
  readonly id: string;
  readonly room: string;
  /** For frames: the request that the acknowledgement answers. From 1. */
  readonly request: number;
}

/** Writes and reads one transport's bodies, with the libraries that a client of it would use. */
export interface MessageCodec {
  readonly isText: boolean;
  /** A message to send. */
  encode(fields: SendFields): Uint8Array;
  /** The wish to read a room, from its newest `history` messages on. */
  encodeSubscribe(room: string, history: number): Uint8Array;
  /** One body of a stream, decoded whole. */
  read(body: Uint8Array): Arrival;
  /** The answer to an unary send. @throws Error: it is no acknowledgement. */
  checkAck(body: Uint8Array): void;
}

export function createCodec(name: CodecName, sample: BoundSample): MessageCodec {
  switch (name) {
    case "json":
      return jsonCodec(sample);
    case "proto":
      return protobufCodec(sample);
    case "json-frames":
      return jsonFramesCodec(sample);
    case "proto-frames":
      return protobufFramesCodec(sample);
  }
}

function jsonCodec(sample: BoundSample): MessageCodec {
  return {
    isText: true,
    encode: ({ id, room }) => Buffer.from(JSON.stringify({ ...sample.jsonFields, room, id })),
    encodeSubscribe: (room, history) => Buffer.from(JSON.stringify({ room, history })),
    read(body) {
      const json = objectFrom(body);
      if (typeof json["id"] === "string") return { kind: "messages", ids: [json["id"]] };
      return "error" in json ? { kind: "error", text: JSON.stringify(json) } : { kind: "other" };
    },
    checkAck,
  };
}

function checkAck(body: Uint8Array): void {
  const json = objectFrom(body);
  if (!("position" in json)) throw new Error(`not an acknowledgement: ${JSON.stringify(json)}`);
}

function protobufCodec(sample: BoundSample): MessageCodec {
  return {
    isText: false,
    encode: ({ id, room }) =>
      toBinary(ChatMessageSchema, create(ChatMessageSchema, { ...sample.protobufFields(), room, id })),
    encodeSubscribe: (room, history) => toBinary(UserSchema, create(UserSchema, { room, history })),
    read: (body) => ({ kind: "messages", ids: [idOf(fromBinary(ChatMessageSchema, body), sample)] }),
    checkAck(body) {
      if (fromBinary(ChatResponseSchema, body).position === undefined)
        throw new Error("not an acknowledgement: it has no position");
    },
  };
}

function jsonFramesCodec(sample: BoundSample): MessageCodec {
  return {
    isText: true,
    encode: ({ id, room, request }) =>
      Buffer.from(JSON.stringify({ request, send: { ...sample.jsonFields, room, id } })),
    encodeSubscribe: (room, history) =>
      Buffer.from(JSON.stringify({ request: subscribeRequest, subscribe: { reader: { room, history } } })),
    read(body) {
      const json = objectFrom(body);
      if ("messages" in json) return { kind: "messages", ids: idsOfBatch(json["messages"]) };
      if ("ack" in json) return { kind: "ack" };
      if ("error" in json) return { kind: "error", text: JSON.stringify(json["error"]) };
      return { kind: "subscribed" in json ? "subscribed" : "other" };
    },
    checkAck,
  };
}

function idsOfBatch(batch: unknown): readonly string[] {
  const messages: unknown = isObject(batch) ? batch["messages"] : undefined;
  return Array.isArray(messages)
    ? messages.map((message: unknown) => (isObject(message) ? String(message["id"]) : ""))
    : [];
}

function protobufFramesCodec(sample: BoundSample): MessageCodec {
  const encode = (init: MessageInitShape<typeof ClientFrameSchema>): Uint8Array =>
    toBinary<typeof ClientFrameSchema>(ClientFrameSchema, create(ClientFrameSchema, init) satisfies ClientFrame);
  return {
    isText: false,
    encode: ({ id, room, request }) =>
      encode({ request, frame: { case: "send", value: { ...sample.protobufFields(), room, id } } }),
    encodeSubscribe: (room, history) =>
      encode({ request: subscribeRequest, frame: { case: "subscribe", value: { reader: { room, history } } } }),
    read(body) {
      const { frame } = fromBinary(ServerFrameSchema, body);
      if (frame.case === "messages")
        return { kind: "messages", ids: frame.value.messages.map((message) => idOf(message, sample)) };
      if (frame.case === "error") return { kind: "error", text: `${frame.value.code}: ${frame.value.message}` };
      return { kind: frame.case === "ack" || frame.case === "subscribed" ? frame.case : "other" };
    },
    checkAck(body) {
      if (fromBinary(ServerFrameSchema, body).frame.case !== "ack") throw new Error("not an acknowledgement");
    },
  };
}

/** Above every request number of a send, so that the two are never confused. */
const subscribeRequest = 4_000_000_000;

function idOf(message: ChatMessage, sample: BoundSample): string {
  sample.decodePayload(message.payload?.value);
  return message.id;
}

function objectFrom(body: Uint8Array): Record<string, unknown> {
  const json: unknown = JSON.parse(Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString("utf8"));
  if (!isObject(json)) throw new Error(`not a JSON object: ${JSON.stringify(json)}`);
  return json;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
