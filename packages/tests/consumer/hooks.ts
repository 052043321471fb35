// Each name of `@confab/server/hooks`: hooks that are written apart from where they are set.
import { createConfab } from "@confab/server";
import {
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
  type RemoteHooksOptions,
  remoteHooks,
  type SendEvent,
  type SignalEvent,
  type StoredEvent,
  type StoredHookOptions,
  type StoredMessageEvent,
  type SubscribeEvent,
} from "@confab/server/hooks";

const connect: HookFunction<ConnectEvent, Identity | Refusal> = async ({ headers, remoteAddress }, { signal }) => {
  signal.throwIfAborted();
  return headers["x-user"] === undefined ? { refuse: remoteAddress } : { user: headers["x-user"], expiresAtMs: 1 };
};
const skip: readonly CallerKind[] = ["library", "service"];
const send: HookOptions<SendEvent, Change | Refusal> = {
  run: ({ text, payload, change }) => {
    if (change?.kind === "reaction") return { refuse: change.emoji + change.position };
    return payload ? { payload: null } : { text: text.toUpperCase() };
  },
  onFailure: "open",
  maxConcurrent: 8,
  skip,
};
const subscribe: Hook<SubscribeEvent, Refusal> = ({ after, history }) =>
  history > 10 && !after ? { refuse: "no" } : undefined;
const signal: Hook<SignalEvent, Refusal> = ({ kind }) => (kind === "typing" ? undefined : { refuse: kind });
const disconnect = ({ caller }: DisconnectEvent) => console.log(caller.user, caller.kind);
const occupied = ({ room }: OccupancyEvent) => console.log(room);
const index = ({ position, text, change, isDeleted }: StoredMessageEvent) =>
  console.log(position, text, isDeleted, change?.kind === "reaction" ? change.emoji : change?.position);
const stored: StoredHookOptions = {
  name: "search",
  run: async ({ messages }: StoredEvent) => {
    for (const message of messages) index(message);
  },
};
const hooks: Hooks = { connect, send, subscribe, signal, disconnect, occupied, vacated: occupied, stored };

const names: readonly HookName[] = ["send"];
const remote: RemoteHooksOptions = { url: "https://hooks.example", hooks: names, secret: process.env["SECRET"] };
try {
  await createConfab({ hooks: { ...hooks, ...remoteHooks(remote) } });
} catch (error) {
  if (error instanceof HookError) console.log(error.message);
}
