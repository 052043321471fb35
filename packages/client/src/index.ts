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
export type { Fetch, FetchInit } from "./streams/http-body.js";
export type { SocketFactory, SocketLike } from "./websocket/socket.js";
export { payloadJson } from "./wire/payloads.js";
