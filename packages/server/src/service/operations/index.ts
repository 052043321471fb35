export { roomIdFrom } from "../../core/index.js";
export { type Attempt, type Audit, audited } from "./audit.js";
export {
  type Caller,
  callerWith,
  charged,
  RequestCaller,
  requestIdOf,
  type TransportName,
  type UnaryCaller,
} from "./caller.js";
export { CallerRates } from "./caller-rates.js";
export type { ListedConnection } from "./connections.js";
export { countedAddress } from "./counted-address.js";
export { pageFrom } from "./erase-user.js";
export type { HistoryForm } from "./history.js";
export { LiveCallers } from "./live-callers.js";
export type { LiveConnection } from "./live-entries.js";
export { NodeConnections } from "./node-connections.js";
export type { LargeForm, OperationDeps } from "./operation.js";
export {
  type CallerKind,
  callerKinds,
  kindOf,
  type OperationHooks,
  type PassedMessage,
  type SendHook,
} from "./operation-hooks.js";
export { type Operations, operationsOn } from "./operations.js";
export type { PrefixForm, PrefixReading } from "./prefix-reading.js";
export {
  type Action,
  isStranger,
  type Principal,
  refusedPrincipal,
  type Scope,
  stranger,
  strangerWithoutCertificate,
  unrestricted,
} from "./principal.js";
export type { Published } from "./publish.js";
export { defaultPolicy, maxHistoryPage, type RoomCreators, type RoomPolicies, type RoomPolicy } from "./room-policy.js";
export type { ListedRoom } from "./rooms.js";
export { Permissions, type Rule, RuleError, rulesFrom } from "./rules.js";
export { checkNewMessage, sentBytes } from "./send.js";
export type { Reading } from "./subscribe.js";
