import { type DescMessage, type DescMethod, fromBinary, type MessageShape, toBinary } from "@bufbuild/protobuf";
import { ConfabError } from "@confab/contract";
import {
  ConnectError,
  type ContextValues,
  createContextValues,
  type Interceptor,
  type Transport,
} from "@connectrpc/connect";
import { runStreamingCall, runUnaryCall } from "@connectrpc/connect/protocol";
import { openLink, serverUrl, webPlatform } from "../open-link.js";
import type { SocketFactory } from "../websocket/socket.js";
import { converse } from "./converse.js";
import { connectErrorFrom } from "./errors.js";
import { callMethod, readRoom } from "./methods.js";

export interface WebSocketTransportOptions {
  /** `http://` or `https://`, host and port; a path is kept as a prefix. */
  readonly baseUrl: string;
  readonly interceptors?: Interceptor[] | undefined;
  /** Of calls that name no timeout; none if undefined. */
  readonly defaultTimeoutMs?: number | undefined;
  /** The platform's own WebSocket if undefined. Node 20 has none: `createNodePlatform().makeSocket`. */
  readonly makeSocket?: SocketFactory | undefined;
}

/** A transport that can be closed: its WebSocket stays open between calls. */
export interface WebSocketTransport extends Transport {
  close(): void;
}

/** The service, in the tutorials' contract and in ours. */
const serviceNames: readonly string[] = ["confab.v1.ChatService", "ChatService"];

/**
 * A transport for clients that Connect generates, over WebSockets: in a browser it has streams of requests and streams
 * both ways, which `fetch` does not have.
 *
 * Calls and StreamMessages share one WebSocket, each Converse has one of its own; ListRooms and ListMembers, which frames
 * do not have, go by HTTP. Only ChatService can be called. Request headers reach the server on HTTP alone, because
 * WebSockets have none in browsers: authenticate by a frame of Converse.
 */
export function createWebSocketTransport(options: WebSocketTransportOptions): WebSocketTransport {
  const { interceptors = [], defaultTimeoutMs, makeSocket = webPlatform.makeSocket } = options;
  const baseUrl = serverUrl(options.baseUrl);
  const link = openLink("websocket-proto", { url: baseUrl }, { ...webPlatform, makeSocket });
  /** What every call has in common, in the form that interceptors see. */
  const bounds = (signal: AbortSignal | undefined, timeoutMs = defaultTimeoutMs) => ({
    interceptors,
    ...(signal && { signal }),
    ...(timeoutMs !== undefined && { timeoutMs }),
  });
  /** What interceptors see of a request, streamed or not. */
  const about = (method: DescMethod, header: HeadersInit | undefined, contextValues: ContextValues | undefined) => ({
    service: method.parent,
    requestMethod: "POST",
    url: `${baseUrl}/${method.parent.typeName}/${method.name}`,
    header: new Headers(header),
    contextValues: contextValues ?? createContextValues(),
  });
  return {
    async unary(method, signal, timeoutMs, header, message, contextValues) {
      const req = { stream: false as const, method, message, ...about(method, header, contextValues) };
      return runUnaryCall({
        req,
        ...bounds(signal, timeoutMs),
        next: async (request) => {
          refuseOthers(method.parent.typeName, method.name);
          const reply = await answered(callMethod(link, method.name, toBinary(method.input, request.message), request));
          const message = fromBinary(method.output, reply);
          return {
            stream: false,
            service: method.parent,
            method,
            header: new Headers(),
            trailer: new Headers(),
            message,
          };
        },
      });
    },

    async stream(method, signal, timeoutMs, header, message, contextValues) {
      const req = { stream: true as const, method, message, ...about(method, header, contextValues) };
      return runStreamingCall({
        req,
        ...bounds(signal, timeoutMs),
        next: async (request) => {
          refuseOthers(method.parent.typeName, method.name);
          const requests = encoded(method.input, request.message);
          const { header: head, replies } = await answered(
            method.methodKind === "server_streaming"
              ? readRoom(link, requests, request.signal)
              : converse({ baseUrl, makeSocket }, requests, request.signal),
          );
          const message = decoded(method.output, replies);
          return { stream: true, service: method.parent, method, header: head, trailer: new Headers(), message };
        },
      });
    },

    close: () => link.close(),
  };
}

function refuseOthers(service: string, method: string): void {
  if (!serviceNames.includes(service))
    throw connectErrorFrom(new ConfabError("UNKNOWN_METHOD", `/${service}/${method} is not known over WebSocket`));
}

async function answered<T>(promise: Promise<T>): Promise<T> {
  try {
    return await promise;
  } catch (error) {
    throw error instanceof ConnectError ? error : connectErrorFrom(error);
  }
}

// Messages pass in binary between the caller's generated code and ours, which are two even if they come from one file.

async function* encoded<Desc extends DescMessage>(schema: Desc, messages: AsyncIterable<MessageShape<Desc>>) {
  for await (const message of messages) yield toBinary(schema, message);
}

async function* decoded<Desc extends DescMessage>(schema: Desc, replies: AsyncIterable<Uint8Array>) {
  try {
    for await (const bytes of replies) yield fromBinary(schema, bytes);
  } catch (error) {
    throw connectErrorFrom(error);
  }
}
