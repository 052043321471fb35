import type { Link, LinkOptions, TransportName } from "./link.js";
import { createNodeFetch } from "./node/fetch.js";
import { GrpcCaller } from "./node/grpc.js";
import { nodeSocket } from "./node/socket.js";
import { openLink as openWebLink, type Platform, serverUrl } from "./open-link.js";
import { RpcLink } from "./rpc/rpc-link.js";

/** `openLink` for Node: with gRPC, WebSockets on Node 20, and connections that close with their link. */
export function openLink(transport: TransportName, options: LinkOptions): Link {
  if (transport === "grpc") return new RpcLink("grpc", new GrpcCaller(serverUrl(options.url)), options.types);
  return openWebLink(transport, options, createNodePlatform());
}

/** What Node gives to one link. */
export function createNodePlatform(): Platform {
  return { fetch: createNodeFetch(), makeSocket: nodeSocket };
}

export { ConfabError, type ErrorCode } from "@confab/contract";
export type {
  Ack,
  CallOptions,
  ChatMessage,
  HistoryPage,
  HistoryRequest,
  Link,
  LinkOptions,
  Listening,
  ListenOptions,
  ListenRequest,
  MembersPage,
  MembersRequest,
  MessagePayload,
  OutgoingMessage,
  OutgoingSignal,
  RoomInfo,
  RoomsPage,
  RoomsRequest,
  TransportName,
} from "./link.js";
export { isNetworkFailure } from "./network-failure.js";
export { serverUrl } from "./open-link.js";
export { payloadJson } from "./wire/payloads.js";
