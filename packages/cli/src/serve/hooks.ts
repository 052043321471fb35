import type { ConfabOptions } from "@confab/server";
import type { HookName } from "@confab/server/hooks";
import { UsageError } from "../command.js";
import type { Settings } from "../config/resolve.js";

/** Without effect where there is no hook. */
const needHook = ["hook-secret", "hook-timeout", "hook-open", "hook-skip", "hook-clear-text"] as const;

/** The hooks that are called over the network. @throws UsageError: one of them cannot be used. */
export async function hooksFrom(settings: Settings): Promise<Pick<ConfabOptions, "hooks">> {
  const given = settings.get("hook");
  if (given.length === 0) {
    const lonely = needHook.find((name) => settings.isGiven(name));
    if (lonely !== undefined) throw new UsageError(`${settings.labelOf(lonely)} needs a hook: --hook`);
    return {};
  }
  const targets = given.map((text) => targetIn(text, settings.labelOf("hook")));
  const names = targets.flatMap((target) => target.names);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw new UsageError(`${settings.labelOf("hook")} names ${twice} twice`);
  const open = settings.get("hook-open");
  const idle = open.find((name) => !names.includes(name));
  if (idle !== undefined) throw new UsageError(`${settings.labelOf("hook-open")} ${idle}: --hook does not name it`);
  const hooks = await Promise.all(targets.map((target) => hooksAt(target, settings)));
  return { hooks: Object.assign({}, ...hooks) };
}

interface Target {
  readonly names: readonly string[];
  readonly url: string;
}

/** `send,signal=URL` */
function targetIn(text: string, label: string): Target {
  const at = text.indexOf("=");
  if (at < 1) throw new UsageError(`${label} must be the names of hooks, = and a URL, got ${JSON.stringify(text)}`);
  return { names: text.slice(0, at).split(","), url: text.slice(at + 1) };
}

async function hooksAt({ names, url }: Target, settings: Settings): Promise<NonNullable<ConfabOptions["hooks"]>> {
  // Loaded only where it is needed.
  const { HookError, remoteHooks } = await import("@confab/server/hooks");
  const open = settings.get("hook-open");
  const secret = /^https?:/.test(url) ? settings.get("hook-secret") : undefined;
  const skip = settings.get("hook-skip");
  const shared = {
    url,
    secret,
    timeoutMs: settings.get("hook-timeout"),
    allowsClearText: settings.get("hook-clear-text"),
    ...(skip.length > 0 && { skip }),
  };
  const failing = (onFailure: "open" | "closed") => {
    const hooks = names.filter((name) => open.includes(name) === (onFailure === "open"));
    return hooks.length === 0 ? {} : remoteHooks({ ...shared, hooks: hooks as HookName[], onFailure });
  };
  try {
    return { ...failing("closed"), ...failing("open") };
  } catch (error) {
    throw error instanceof HookError ? new UsageError(`${settings.labelOf("hook")}: ${error.message}`) : error;
  }
}
