// The types of hooks, for those who write them apart from where they are set; and hooks that call a service.
export { type RemoteHooksOptions, remoteHooks } from "./hook-clients/remote-hooks.js";
export {
  type CallerKind,
  type Change,
  type ConnectEvent,
  type DisconnectEvent,
  type Hook,
  HookError,
  type HookFunction,
  type HookName,
  type HookOptions,
  type Hooks,
  type Identity,
  type OccupancyEvent,
  type Refusal,
  type SendEvent,
  type SignalEvent,
  type StoredEvent,
  type StoredHookOptions,
  type StoredMessageEvent,
  type SubscribeEvent,
} from "./service/index.js";
