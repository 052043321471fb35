// What the SDK is made of on every platform; index.ts and node.ts add how to connect there.

export { ConfabError, type ErrorCode } from "@confab/contract";
export type {
  Ack,
  CallOptions,
  ChatMessage,
  Edited,
  HistoryPage,
  HistoryRequest,
  IncomingSignal,
  Link,
  LinkOptions,
  Listening,
  ListenOptions,
  ListenRequest,
  MarkReadRequest,
  MembersPage,
  MembersRequest,
  MessageChange,
  MessageFilter,
  OutgoingBatch,
  OutgoingChange,
  OutgoingMessage,
  OutgoingSignal,
  PrefixOptions,
  PrefixRequest,
  PresenceChange,
  ReactionView,
  ReadMark,
  ReadMarksPage,
  ReadMarksRequest,
  RoomInfo,
  RoomsPage,
  RoomsRequest,
  TransportName,
} from "./link.js";
export { transportNames } from "./link.js";
export { isNetworkFailure } from "./network-failure.js";
export { serverUrl } from "./open-link.js";
export type { MessagePayload, PayloadConverter } from "./payload.js";
export { Client, type ClientEvents, type ClientPlatform } from "./sdk/client.js";
export type { Clock } from "./sdk/clock.js";
export type { ConnectionState } from "./sdk/connector.js";
export { fold, type MessageView } from "./sdk/fold.js";
export type { ConnectOptions, ReconnectOptions } from "./sdk/options.js";
export type { SendOptions } from "./sdk/outbox.js";
export type { RoomPrefix } from "./sdk/prefix.js";
export type { PrefixMessages, PrefixReadOptions } from "./sdk/prefix-reading.js";
export type { Presence } from "./sdk/presence.js";
export type {
  BatchedMessage,
  ChangeOptions,
  HearOptions,
  MarkOptions,
  ReactOptions,
  Room,
  RoomMessage,
  RoomSendOptions,
  RoomSignal,
  RoomView,
  SendAllOptions,
} from "./sdk/room.js";
export type { Gap, ReadOptions } from "./sdk/room-reading.js";
export type { MessageHandler, PrefixSubscription, Subscription } from "./sdk/subscription.js";
export type { AskToken, Token } from "./sdk/token-source.js";
export { payloadJson, payloadMember } from "./wire/payloads.js";
