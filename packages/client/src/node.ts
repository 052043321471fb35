import type { Link, LinkOptions, TransportName } from "./link.js";
import { createNodeFetch } from "./node/fetch.js";
import { GrpcCaller } from "./node/grpc.js";
import { nodeSocket } from "./node/socket.js";
import { openLink as openWebLink, type Platform, serverUrl } from "./open-link.js";
import { RpcLink } from "./rpc/rpc-link.js";
import { Client } from "./sdk/client.js";
import type { ConnectOptions } from "./sdk/options.js";

/** `openLink` for Node: with gRPC, WebSockets on Node 20, and connections that close with their link. */
export function openLink(transport: TransportName, options: LinkOptions): Link {
  if (transport === "grpc")
    return new RpcLink("grpc", new GrpcCaller(serverUrl(options.url), {}, options.token), options.types);
  return openWebLink(transport, options, createNodePlatform());
}

/**
 * Connect to a server, and stay connected. Returns at once; `client.state` says how it goes, and whatever is asked of the
 * client meanwhile waits.
 *
 * @throws TypeError: the URL is no `http://` or `https://` address.
 */
export function connect(options: ConnectOptions): Client {
  return new Client(options, { transports: ["websocket-proto", "grpc", "connect", "sse"], openLink });
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
export { Client, type ClientEvents, type ClientPlatform } from "./sdk/client.js";
export type { Clock } from "./sdk/clock.js";
export type { ConnectionState } from "./sdk/connector.js";
export type { ConnectOptions, ReconnectOptions } from "./sdk/options.js";
export type { SendOptions } from "./sdk/outbox.js";
export type { Room, RoomMessage, RoomSendOptions, RoomSignal } from "./sdk/room.js";
export type { Gap, ReadOptions } from "./sdk/room-reading.js";
export type { MessageHandler, Subscription } from "./sdk/subscription.js";
export { payloadJson } from "./wire/payloads.js";
