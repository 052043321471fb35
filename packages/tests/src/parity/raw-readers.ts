import { create, toBinary, toJsonString } from "@bufbuild/protobuf";
import { EnvelopeReader, enveloped, formatPosition, type Position } from "@confab/contract";
import { type ClientFrame, ClientFrameSchema } from "@confab/contract/gen/confab/v1/frame_pb";
import { UserSchema } from "@confab/contract/gen/confab/v1/message_pb";
import {
  type AskedFilter,
  codeFromTrailers,
  filterQuery,
  frameWithoutDetails,
  grpcCall,
  type Outcome,
  overWebSocket,
  reasonFrom,
  tooLong,
} from "./raw-clients.js";

/** A way to read a room from a position, up to the first word about whether that is possible. */
export interface RawReader {
  readonly name: string;
  /** `reading`, or the catalogue's code of the refusal. */
  readFrom(url: string, room: string, after: Position, filter?: AskedFilter): Promise<Outcome>;
}

const reading: Outcome = "reading";
const streamPath = "/confab.v1.ChatService/StreamMessages";

/** Every way to resume that the server has. Where it is possible, there must be a message to come. */
export const rawReaders: readonly RawReader[] = [
  {
    name: "gRPC",
    readFrom: (url, room, after, filter) => streamGrpc(url, userBytes(room, after, filter), "application/grpc+proto"),
  },
  {
    name: "gRPC in JSON",
    readFrom: (url, room, after, filter) => streamGrpc(url, userJson(room, after, filter), "application/grpc+json"),
  },
  {
    name: "gRPC-Web",
    readFrom: (url, room, after, filter) =>
      streamFetch(url, userBytes(room, after, filter), "application/grpc-web+proto"),
  },
  {
    name: "Connect in Protobuf",
    readFrom: (url, room, after, filter) =>
      streamFetch(url, userBytes(room, after, filter), "application/connect+proto"),
  },
  {
    name: "Connect in JSON",
    readFrom: (url, room, after, filter) => streamFetch(url, userJson(room, after, filter), "application/connect+json"),
  },
  {
    name: "SSE by query",
    readFrom: (url, room, after, filter) =>
      streamSse(`${url}/v1/rooms/${room}/stream?after=${formatPosition(after)}${filterQuery(filter)}`, {}),
  },
  {
    name: "SSE by Last-Event-ID",
    readFrom: (url, room, after, filter) =>
      streamSse(`${url}/v1/rooms/${room}/stream?${filterQuery(filter)}`, { "last-event-id": formatPosition(after) }),
  },
  { name: "GetHistory by REST", readFrom: historyRest },
  {
    name: "WebSocket, Protobuf frames",
    readFrom: (url, room, after, filter) =>
      subscribeFramed(url, subscribeFrame(room, after, filter), "confab.v1.proto"),
  },
  {
    name: "WebSocket, JSON frames",
    readFrom: (url, room, after, filter) => subscribeFramed(url, subscribeFrame(room, after, filter), "confab.v1.json"),
  },
  { name: "WebSocket, plain", readFrom: readPlain },
  { name: "Converse", readFrom: converse },
];

function userOf(room: string, { epoch, offset }: Position, filter?: AskedFilter) {
  return create(UserSchema, { room, after: { epoch, offset: BigInt(offset) }, ...(filter && { filter }) });
}

function userBytes(room: string, after: Position, filter?: AskedFilter): Uint8Array {
  return toBinary(UserSchema, userOf(room, after, filter));
}

function userJson(room: string, after: Position, filter?: AskedFilter): Uint8Array {
  return Buffer.from(toJsonString(UserSchema, userOf(room, after, filter)));
}

async function streamGrpc(url: string, user: Uint8Array, contentType: string): Promise<Outcome> {
  const { messages, trailers } = await grpcCall(url, streamPath, contentType, enveloped(0, user), () => true);
  return messages.length > 0 ? reading : codeFromTrailers(trailers);
}

/** gRPC-Web and Connect: the first envelope is a message, or the ending with its error. */
async function streamFetch(url: string, user: Uint8Array, contentType: string): Promise<Outcome> {
  const abort = new AbortController();
  const response = await fetch(url + streamPath, {
    method: "POST",
    headers: { "content-type": contentType },
    body: Buffer.from(enveloped(0, user)),
    signal: abort.signal,
  });
  let outcome: Outcome | undefined;
  const envelopes = new EnvelopeReader(
    tooLong,
    (flags, content) => {
      outcome ??= flags === 0 ? reading : endingCode(flags, Buffer.from(content).toString());
    },
    () => undefined,
  );
  for await (const chunk of response.body ?? []) {
    envelopes.push(chunk as Uint8Array);
    if (outcome !== undefined) break;
  }
  abort.abort();
  return outcome ?? "the stream ended without a word";
}

/** The code in the last envelope of gRPC-Web (flags 0x80) or of a Connect stream (0x02). */
export function endingCode(flags: number, text: string): Outcome {
  if (flags === 0x80) {
    const lines = text.trim().split("\r\n");
    return codeFromTrailers(
      Object.fromEntries(
        lines.map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 1).trim()]),
      ),
    );
  }
  return reasonFrom((JSON.parse(text) as { error?: { details?: unknown } }).error?.details) ?? text;
}

async function streamSse(url: string, headers: Record<string, string>): Promise<Outcome> {
  const abort = new AbortController();
  // As curl and most clients do: only `EventSource` takes nothing but events.
  const response = await fetch(url, { headers: { accept: "*/*", ...headers }, signal: abort.signal });
  if (!response.ok) return ((await response.json()) as { error: { code: string } }).error.code;
  abort.abort();
  return reading;
}

async function historyRest(url: string, room: string, after: Position, filter?: AskedFilter): Promise<Outcome> {
  const response = await fetch(`${url}/v1/rooms/${room}/messages?after=${formatPosition(after)}${filterQuery(filter)}`);
  return response.ok ? reading : ((await response.json()) as { error: { code: string } }).error.code;
}

function subscribeFrame(room: string, after: Position, filter?: AskedFilter) {
  return create(ClientFrameSchema, {
    request: 1,
    frame: { case: "subscribe", value: { reader: userOf(room, after, filter) } },
  });
}

function subscribeFramed(url: string, frame: ClientFrame, subprotocol: string): Promise<Outcome> {
  const isText = subprotocol === "confab.v1.json";
  const bytes = isText ? Buffer.from(toJsonString(ClientFrameSchema, frame)) : toBinary(ClientFrameSchema, frame);
  return overWebSocket(`${url.replace("http", "ws")}/chat`, [subprotocol], bytes, isText, frameOutcome);
}

function frameOutcome(data: Buffer, isBinary: boolean): Outcome | undefined {
  const { frame } = frameWithoutDetails(data, isBinary);
  if (frame.case === "subscribed") return reading;
  return frame.case === "error" ? frame.value.code : undefined;
}

function readPlain(url: string, room: string, after: Position, filter?: AskedFilter): Promise<Outcome> {
  const address = `${url.replace("http", "ws")}/chat?room=${room}&after=${formatPosition(after)}${filterQuery(filter)}`;
  return overWebSocket(
    address,
    [],
    undefined,
    true,
    (data) => (JSON.parse(data.toString()) as { error?: { code: string } }).error?.code ?? reading,
  );
}

async function converse(url: string, room: string, after: Position, filter?: AskedFilter): Promise<Outcome> {
  const frame = enveloped(0, toBinary(ClientFrameSchema, subscribeFrame(room, after, filter)));
  let outcome: Outcome | undefined;
  const { trailers } = await grpcCall(
    url,
    "/confab.v1.ChatService/Converse",
    "application/grpc+proto",
    frame,
    (message) => {
      outcome ??= frameOutcome(Buffer.from(message), true);
      return outcome !== undefined;
    },
  );
  return outcome ?? codeFromTrailers(trailers);
}
