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
// For platforms of your own.
export { openLink, type Platform, serverUrl, type WebTransportName, webPlatform } from "./open-link.js";
export { Client, type ClientEvents, type ClientPlatform } from "./sdk/client.js";
export type { Clock } from "./sdk/clock.js";
export { connect } from "./sdk/connect.js";
export type { ConnectionState } from "./sdk/connector.js";
export type { ConnectOptions, ReconnectOptions } from "./sdk/options.js";
export type { SendOptions } from "./sdk/outbox.js";
export type { Room, RoomMessage, RoomSendOptions, RoomSignal } from "./sdk/room.js";
export type { Gap, ReadOptions } from "./sdk/room-reading.js";
export type { MessageHandler, Subscription } from "./sdk/subscription.js";
export type { Fetch, FetchInit } from "./streams/http-body.js";
export type { SocketFactory, SocketLike } from "./websocket/socket.js";
export { payloadJson } from "./wire/payloads.js";
