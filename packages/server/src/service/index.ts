export { wireRetentionFrom } from "./admin-conversions.js";
export { ChatService } from "./chat-service.js";
export { anyFrom, wirePositionFrom } from "./conversions.js";
export { type FrameEncoding, JsonBatches, JsonMessages, ProtoBatches, ProtoMessages } from "./encodings.js";
export type { ErrorBudget } from "./error-budget.js";
export { wireErrorFrom } from "./error-frame.js";
export type { FrameChannel } from "./frames/channel.js";
export { serveOut } from "./frames/serve-out.js";
export type { FrameSession } from "./frames/session.js";
export { FrameSessions, type FrameSessionsDeps } from "./frames/sessions.js";
export { envelopeFraming, type Framing, framed } from "./framing.js";
export { historyForm } from "./history.js";
export { fieldsOf, isRefusal, refusalOf } from "./hooks/answers.js";
export { HookCaller, HookFault } from "./hooks/hook-caller.js";
export { HookError, hasCaller, isHookName } from "./hooks/hook-options.js";
export type {
  Change,
  ConnectEvent,
  DisconnectEvent,
  EventCaller,
  Hook,
  HookFunction,
  HookName,
  HookOptions,
  Hooks,
  Identity,
  OccupancyEvent,
  Refusal,
  SendEvent,
  SignalEvent,
  StoredEvent,
  StoredHookOptions,
  StoredMessageEvent,
  SubscribeEvent,
} from "./hooks/hooks.js";
export { ServiceHooks, type ServiceHooksDeps } from "./hooks/service-hooks.js";
export { type Message, messageFrom } from "./message.js";
export type { MessageJson } from "./message-json.js";
export {
  type Action,
  type Attempt,
  type Audit,
  type Caller,
  type CallerKind,
  CallerRates,
  callerKinds,
  countedAddress,
  defaultPolicy,
  isStranger,
  type ListedConnection,
  LiveCallers,
  maxHistoryPage,
  NodeConnections,
  type Operations,
  Permissions,
  type Principal,
  pageFrom,
  type Reading,
  RequestCaller,
  type RoomCreators,
  type RoomPolicies,
  type RoomPolicy,
  type Rule,
  RuleError,
  refusedPrincipal,
  requestIdOf,
  rulesFrom,
  stranger,
  strangerWithoutCertificate,
  type TransportName,
  type UnaryCaller,
  unrestricted,
} from "./operations/index.js";
export { decodeSentMessage } from "./sent-message.js";
export type { UnaryMethod, UnaryName } from "./unary.js";
export { decodeMessage, encodeMessage, maxWireBytes, type WireFormat } from "./wire-format.js";
