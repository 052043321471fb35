// Stock clients on a page: connect-web, google's grpc-web and EventSource, with their default settings.
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { ChatService } from "@confab/contract/gen/confab/v1/chat_service_pb";
import { ChatMessageSchema, UserSchema } from "@confab/contract/gen/confab/v1/message_pb";
import { createClient } from "@connectrpc/connect";
import { createConnectTransport, createGrpcWebTransport } from "@connectrpc/connect-web";
import * as grpcWeb from "grpc-web";

/** Callbacks as an iterable. */
async function* fromCallbacks(start, signal) {
  const queue = [];
  let wake = () => undefined;
  const stop = start((text) => {
    queue.push(text);
    wake();
  });
  signal.addEventListener("abort", () => {
    stop();
    wake();
  });
  while (!signal.aborted) {
    while (queue.length > 0) yield queue.shift();
    await new Promise((resolve) => {
      wake = resolve;
    });
  }
}

async function* byGeneratedClient(transport, request, signal) {
  for await (const { text } of createClient(ChatService, transport).streamMessages(request, { signal })) yield text;
}

const readers = {
  "connect-web, Connect": (url, request, signal) =>
    byGeneratedClient(createConnectTransport({ baseUrl: url }), request, signal),
  "connect-web, gRPC-Web": (url, request, signal) =>
    byGeneratedClient(createGrpcWebTransport({ baseUrl: url }), request, signal),
  "grpc-web": (url, request, signal) =>
    fromCallbacks((take) => {
      const encode = (message) => toBinary(UserSchema, create(UserSchema, message));
      const decode = (bytes) => fromBinary(ChatMessageSchema, bytes);
      const path = "/confab.v1.ChatService/StreamMessages";
      const type = grpcWeb.MethodType.SERVER_STREAMING;
      const method = new grpcWeb.MethodDescriptor(path, type, Object, Object, encode, decode);
      const client = new grpcWeb.GrpcWebClientBase({ format: "text" });
      const stream = client.serverStreaming(url + path, request, {}, method);
      stream.on("data", ({ text }) => take(text));
      return () => stream.cancel();
    }, signal),
  EventSource: (url, { room, after, history }, signal) =>
    fromCallbacks((take) => {
      const start = after ? `after=${after.epoch}:${after.offset}` : `history=${history}`;
      const source = new EventSource(`${url}/v1/rooms/${room}/stream?${start}`);
      source.addEventListener("message", ({ data }) => take(JSON.parse(data).text));
      return () => source.close();
    }, signal),
};

/** Where a room stands now, by a unary call. Reading after it loses nothing, however late the stream opens. */
globalThis.newestPosition = async (url, room) => {
  const client = createClient(ChatService, createConnectTransport({ baseUrl: url }));
  const { newest } = await client.getHistory({ room, limit: 1 });
  return { epoch: newest.epoch, offset: Number(newest.offset) };
};

/** The first words of `count` messages. */
globalThis.read = async (name, url, room, start, count) => {
  const { after, ...rest } = start;
  const position = after && { epoch: after.epoch, offset: BigInt(after.offset) };
  const stop = new AbortController();
  const words = [];
  for await (const text of readers[name](url, { room, ...rest, ...(after && { after: position }) }, stop.signal)) {
    words.push(text.split(" ", 1)[0]);
    if (words.length === count) break;
  }
  stop.abort();
  return words;
};
