import { create, toBinary, toJsonString } from "@bufbuild/protobuf";
import { EnvelopeReader, enveloped } from "@confab/contract";
import { ClientFrameSchema } from "@confab/contract/gen/confab/v1/frame_pb";
import { UserSchema } from "@confab/contract/gen/confab/v1/message_pb";
import { codeFromTrailers, grpcCall, type Outcome, overWebSocket, tooLong } from "../../parity/raw-clients.js";
import { endingCode } from "../../parity/raw-readers.js";
import { type Shown, webSocketUrl } from "./ways.js";

const streamPath = "/confab.v1.ChatService/StreamMessages";
const reader = create(UserSchema, { room: "den" });
const readerBytes = enveloped(0, toBinary(UserSchema, reader));
const subscribe = create(ClientFrameSchema, { request: 1, frame: { case: "subscribe", value: { reader } } });

/** How a stream that has begun ends, by each transport. */
export const streams: readonly (readonly [name: string, end: (url: string, shown: Shown) => Promise<Outcome>])[] = [
  [
    "gRPC",
    async (url, shown) =>
      codeFromTrailers((await grpcCall(url, streamPath, "application/grpc", readerBytes, undefined, shown)).trailers),
  ],
  ["gRPC-Web", (url, shown) => lastEnvelope(url, "application/grpc-web+proto", shown)],
  ["Connect", (url, shown) => lastEnvelope(url, "application/connect+proto", shown)],
  [
    "SSE",
    async (url, shown) => {
      const text = await (await fetch(`${url}/v1/rooms/den/stream`, { headers: shown })).text();
      // An event, or the body of a stream that has not begun.
      return /"code":"([A-Z_]+)"/.exec(text)?.[1] ?? text;
    },
  ],
  ["WebSocket, plain", (url, shown) => closeReason(url, [], undefined, shown)],
  [
    "WebSocket, JSON frames",
    (url, shown) => closeReason(url, ["confab.v1.json"], toJsonString(ClientFrameSchema, subscribe), shown),
  ],
  [
    "WebSocket, Protobuf frames",
    (url, shown) => closeReason(url, ["confab.v1.proto"], toBinary(ClientFrameSchema, subscribe), shown),
  ],
  [
    "Converse",
    async (url, shown) => {
      // The request stays open: a client that has asked everything is let go at once.
      const path = "/confab.v1.ChatService/Converse";
      const body = enveloped(0, toBinary(ClientFrameSchema, subscribe));
      const { trailers } = await grpcCall(url, path, "application/grpc", body, undefined, shown, true);
      return codeFromTrailers(trailers);
    },
  ],
];

async function lastEnvelope(url: string, contentType: string, shown: Shown): Promise<Outcome> {
  const headers = { "content-type": contentType, ...shown };
  const response = await fetch(url + streamPath, { method: "POST", headers, body: Buffer.from(readerBytes) });
  let last = "no envelope";
  const take = (flags: number, content: Uint8Array) => {
    last = flags === 0 ? "a message" : endingCode(flags, Buffer.from(content).toString());
  };
  new EnvelopeReader(tooLong, take, () => undefined).push(new Uint8Array(await response.arrayBuffer()));
  return last;
}

function closeReason(url: string, protocols: string[], frame: string | Uint8Array | undefined, shown: Shown) {
  const isText = typeof frame === "string";
  const bytes = isText ? Buffer.from(frame) : frame;
  return overWebSocket(`${webSocketUrl(url)}?room=den`, protocols, bytes, isText, () => undefined, shown);
}
