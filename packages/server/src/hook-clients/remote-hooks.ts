import { HookError, type HookName, type HookOptions, type Hooks, hasCaller, isHookName } from "../service/index.js";
import { type HookTarget, hookTargetFrom } from "./hook-url.js";

/** Hooks that the server calls over the network, and what holds for all of them. */
export interface RemoteHooksOptions extends Omit<HookOptions<never, never>, "run"> {
  /**
   * `https://…`: plain HTTP, in JSON. `grpcs://host:port`: gRPC. `connect+https://…`: Connect. `http`, `grpc` and `connect+http`
   * are the same without TLS, for this machine.
   */
  readonly url: string;
  /** Which hooks are called there. */
  readonly hooks: readonly HookName[];
  /** What requests in plain HTTP are signed with, at least 16 characters. The other forms have none. */
  readonly secret?: string | undefined;
  /** Whether other machines may be called without TLS. Default false. */
  readonly allowsClearText?: boolean | undefined;
}

const minSecretLength = 16;

/** As `HookOptions.timeoutMs`: what the service is told if nothing is set. */
const defaultTimeoutMs = 2_000;

/**
 * Hooks for `ServerConfig.hooks` that are called at a URL: see docs/hooks.md and hook.proto.
 *
 * @throws HookError: they cannot be called so.
 */
export function remoteHooks({ url, hooks, secret, allowsClearText = false, ...settings }: RemoteHooksOptions): Hooks {
  const target = hookTargetFrom(url, allowsClearText);
  if (target.form === "json" && (secret === undefined || secret.length < minSecretLength))
    throw new HookError(`${target.url}: hooks in plain HTTP need a secret of ${minSecretLength} characters and more`);
  if (target.form !== "json" && secret !== undefined)
    throw new HookError(`${target.url}: a secret signs requests in plain HTTP, and this is another form`);
  const { timeoutMs = defaultTimeoutMs } = settings;
  const caller = remoteCaller(target, secret ?? "", timeoutMs);
  const named = hooks.map((name) => {
    if (!isHookName(name)) throw new HookError(`there is no hook "${String(name)}"`);
    return [name, { ...settingsOf(name, settings), run: caller(name) }] as const;
  });
  return Object.fromEntries(named);
}

/** Those that a hook has. */
function settingsOf(name: HookName, { skip, onFailure, ...others }: Omit<HookOptions<never, never>, "run">) {
  return {
    ...others,
    ...(skip !== undefined && hasCaller(name) && { skip }),
    ...(onFailure !== undefined && name !== "stored" && { onFailure }),
  };
}

/** What carries the events, which is loaded with the first of them: most servers have no such hook. */
function remoteCaller(target: HookTarget, secret: string, timeoutMs: number) {
  let carrier: Promise<typeof import("./carrier.js").Carrier.prototype> | undefined;
  return (name: HookName) =>
    async (event: never, { signal }: { readonly signal: AbortSignal }): Promise<never> => {
      carrier ??= import("./carrier.js").then(({ Carrier }) => new Carrier(target, secret, timeoutMs));
      return (await carrier).carry(name, event, signal) as Promise<never>;
    };
}
