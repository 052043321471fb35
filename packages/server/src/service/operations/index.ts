export { roomIdFrom } from "../../core/index.js";
export { type Caller, connectionCaller, RequestCaller, type TransportName, type UnaryCaller } from "./caller.js";
export type { HistoryForm } from "./history.js";
export type { OperationDeps } from "./operation.js";
export { type Operations, operationsOn } from "./operations.js";
export type { ListedRoom } from "./rooms.js";
export type { Reading } from "./subscribe.js";
