// The types of hooks, for those who write them apart from where they are set.
export type {
  CallerKind,
  Change,
  ConnectEvent,
  DisconnectEvent,
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
  SubscribeEvent,
} from "./service/index.js";
