import { EnvelopeReader, enveloped } from "@confab/contract";
import type { ServerFrame } from "@confab/contract/gen/confab/v1/frame_pb";
import {
  base64Decoded,
  codeFromTrailers,
  frameWithoutDetails,
  grpcCall,
  type Outcome,
  overWebSocket,
  reasonFrom,
  tooLong,
} from "./raw-clients.js";

/** A way to send at the level of bytes: whatever stands in place of an encoded request is sent as it is. */
export interface RawSender {
  readonly name: string;
  readonly format: "proto" | "json";
  send(url: string, message: Uint8Array): Promise<Outcome>;
}

const stored: Outcome = "stored";

/** How one of the contract's ways to send is spelled. */
interface Spelling {
  readonly path: string;
  /** What follows the room in the path of REST. */
  readonly route: string;
  /** The member of ClientFrame: the tag of its field, length-delimited, and its name in JSON. */
  readonly frameTag: number;
  readonly frameName: string;
}

const one: Spelling = {
  path: "/confab.v1.ChatService/SendMessage",
  route: "messages",
  frameTag: 0x22,
  frameName: "send",
};
const several: Spelling = {
  path: "/confab.v1.ChatService/SendMessages",
  route: "messages:batch",
  frameTag: 0x4a,
  frameName: "sendAll",
};

const edit: Spelling = {
  path: "/confab.v1.ChatService/EditMessage",
  route: "messages:edit",
  frameTag: 0x52,
  frameName: "edit",
};
const deletion: Spelling = {
  path: "/confab.v1.ChatService/DeleteMessage",
  route: "messages:delete",
  frameTag: 0x5a,
  frameName: "delete",
};
const reaction: Spelling = {
  path: "/confab.v1.ChatService/React",
  route: "messages:react",
  frameTag: 0x62,
  frameName: "react",
};

/** Every way to send a message that the server has. None of it goes through the project's own client. */
export const rawSenders: readonly RawSender[] = [
  ...sendersOf(one),
  { name: "WebSocket, plain", format: "json", send: sendPlain },
];

/** The same for a SendMessagesRequest, which the plain WebSocket does not take. */
export const rawBatchSenders: readonly RawSender[] = sendersOf(several);

/** The same for changes of messages. */
export const rawChangeSenders = {
  edit: sendersOf(edit),
  delete: sendersOf(deletion),
  react: sendersOf(reaction),
} as const;

function sendersOf(spelling: Spelling): readonly RawSender[] {
  const { path } = spelling;
  const framed = (format: "proto" | "json") => (message: Uint8Array) =>
    format === "proto" ? protoFrame(spelling, message) : jsonFrame(spelling, message);
  const [asProto, asJson] = [framed("proto"), framed("json")];
  return [
    { name: "gRPC", format: "proto", send: (url, message) => sendGrpc(url + path, message, "application/grpc+proto") },
    {
      name: "gRPC in JSON",
      format: "json",
      send: (url, message) => sendGrpc(url + path, message, "application/grpc+json"),
    },
    { name: "gRPC-Web", format: "proto", send: (url, message) => sendGrpcWeb(url + path, message, false) },
    { name: "gRPC-Web text", format: "proto", send: (url, message) => sendGrpcWeb(url + path, message, true) },
    {
      name: "Connect in Protobuf",
      format: "proto",
      send: (url, message) => sendConnect(url + path, message, "application/proto"),
    },
    {
      name: "Connect in JSON",
      format: "json",
      send: (url, message) => sendConnect(url + path, message, "application/json"),
    },
    { name: "REST", format: "json", send: (url, message) => sendRest(url, spelling.route, message) },
    {
      name: "WebSocket, Protobuf frames",
      format: "proto",
      send: (url, message) => sendFramed(url, asProto(message), "confab.v1.proto"),
    },
    {
      name: "WebSocket, JSON frames",
      format: "json",
      send: (url, message) => sendFramed(url, asJson(message), "confab.v1.json"),
    },
    {
      name: "Converse",
      format: "proto",
      send: (url, message) => sendConverse(url, asProto(message), "application/grpc+proto"),
    },
    {
      name: "Converse in JSON",
      format: "json",
      send: (url, message) => sendConverse(url, asJson(message), "application/grpc+json"),
    },
  ];
}

async function sendGrpc(address: string, message: Uint8Array, contentType: string): Promise<Outcome> {
  const { origin, pathname } = new URL(address);
  const { trailers } = await grpcCall(origin, pathname, contentType, enveloped(0, message));
  return codeFromTrailers(trailers);
}

async function sendGrpcWeb(address: string, message: Uint8Array, isText: boolean): Promise<Outcome> {
  const envelope = Buffer.from(enveloped(0, message));
  const response = await fetch(address, {
    method: "POST",
    headers: { "content-type": isText ? "application/grpc-web-text" : "application/grpc-web+proto", "x-grpc-web": "1" },
    body: isText ? envelope.toString("base64") : envelope,
  });
  const answer = Buffer.from(await response.arrayBuffer());
  const body = isText ? base64Decoded(answer.toString()) : answer;
  let trailers: Record<string, string> = {};
  const reader = new EnvelopeReader(
    tooLong,
    (flags, content) => {
      if (flags !== 0x80) return;
      const lines = Buffer.from(content).toString().trim().split("\r\n");
      trailers = Object.fromEntries(
        lines.map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 1).trim()]),
      );
    },
    () => undefined,
  );
  reader.push(body);
  return codeFromTrailers(trailers);
}

async function sendConnect(address: string, message: Uint8Array, contentType: string): Promise<Outcome> {
  const response = await fetch(address, {
    method: "POST",
    headers: { "content-type": contentType },
    body: Buffer.from(message),
  });
  if (response.ok) return stored;
  const error = (await response.json()) as { details?: unknown };
  return reasonFrom(error.details) ?? `HTTP ${response.status} without a reason`;
}

async function sendRest(url: string, route: string, message: Uint8Array): Promise<Outcome> {
  // The room is the path's; to send what a body says about it, its own room is taken for the path where there is one.
  const room = roomOf(message);
  const response = await fetch(`${url}/v1/rooms/${encodeURIComponent(room)}/${route}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: Buffer.from(message),
  });
  if (response.ok) return stored;
  const body = (await response.json()) as { error: { code: string } };
  return body.error.code;
}

function roomOf(message: Uint8Array): string {
  try {
    const { room } = JSON.parse(Buffer.from(message).toString()) as { room?: unknown };
    return typeof room === "string" && room !== "" ? room : "lobby";
  } catch {
    // What is no JSON names no room either.
    return "lobby";
  }
}

/** `ClientFrame { request: 1, send: … }` around bytes that need not be a message. */
function protoFrame({ frameTag }: Spelling, message: Uint8Array): Uint8Array {
  const length: number[] = [];
  for (let rest = message.length; ; rest >>>= 7) {
    length.push(rest > 0x7f ? (rest & 0x7f) | 0x80 : rest);
    if (rest <= 0x7f) break;
  }
  return Buffer.concat([Buffer.from([0x08, 1, frameTag, ...length]), message]);
}

function jsonFrame({ frameName }: Spelling, message: Uint8Array): Uint8Array {
  return Buffer.concat([Buffer.from(`{"request":1,"${frameName}":`), message, Buffer.from("}")]);
}

function outcomeOf({ frame }: ServerFrame): Outcome | undefined {
  if (frame.case === "ack" || frame.case === "acks") return stored;
  return frame.case === "error" ? frame.value.code : undefined;
}

function sendFramed(url: string, frame: Uint8Array, subprotocol: string): Promise<Outcome> {
  return overWebSocket(
    `${url.replace("http", "ws")}/chat`,
    [subprotocol],
    frame,
    subprotocol === "confab.v1.json",
    (data, isBinary) => outcomeOf(frameWithoutDetails(data, isBinary)),
  );
}

function sendPlain(url: string, message: Uint8Array): Promise<Outcome> {
  const address = `${url.replace("http", "ws")}/chat?room=${encodeURIComponent(roomOf(message))}`;
  return overWebSocket(address, [], message, true, (data) => {
    const answer = JSON.parse(data.toString()) as { error?: { code: string } };
    // The plain form has no acknowledgement: the message itself comes back, since its sender reads the room.
    return answer.error?.code ?? stored;
  });
}

async function sendConverse(url: string, frame: Uint8Array, contentType: string): Promise<Outcome> {
  const isBinary = contentType.endsWith("proto");
  const outcomes: Outcome[] = [];
  const { trailers } = await grpcCall(
    url,
    "/confab.v1.ChatService/Converse",
    contentType,
    enveloped(0, frame),
    (message) => {
      const outcome = outcomeOf(frameWithoutDetails(Buffer.from(message), isBinary));
      if (outcome !== undefined) outcomes.push(outcome);
      return outcome !== undefined;
    },
  );
  return outcomes[0] ?? codeFromTrailers(trailers);
}
