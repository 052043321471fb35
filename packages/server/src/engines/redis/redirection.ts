import { redisErrorCode } from "./redis-error.js";
import type { Address } from "./url.js";

/** Where a server of a Cluster sends a command: `ASK 3999 127.0.0.1:6381`, and MOVED likewise. */
export interface Redirection {
  /** MOVED and not ASK. */
  readonly isForGood: boolean;
  readonly slot: number;
  readonly address: Address;
}

/** Undefined: it is another error. `from`: who sent it, whose host an empty one means (Redis Cluster specification, "MOVED Redirection"). */
export function redirectionFrom(thrown: unknown, from: Address): Redirection | undefined {
  const code = redisErrorCode(thrown);
  if (!(thrown instanceof Error) || (code !== "ASK" && code !== "MOVED")) return undefined;
  const [, slot, host, port] = /^[A-Z]+ ([0-9]+) (.*):([0-9]+)$/.exec(thrown.message) ?? [];
  if (slot === undefined || port === undefined) return undefined;
  return { isForGood: code === "MOVED", slot: Number(slot), address: { host: host || from.host, port: Number(port) } };
}
