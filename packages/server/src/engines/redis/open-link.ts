import { ClusterLink } from "./cluster-link.js";
import { durabilityOf } from "./durability.js";
import type { Keys } from "./keys.js";
import type { LinkEvents, RedisLink } from "./redis-link.js";
import { locateMaster } from "./sentinel.js";
import { ServerLink } from "./server-link.js";
import type { Session, SessionOptions } from "./session.js";
import { tagIn } from "./slots.js";
import { checkServer } from "./start-check.js";
import { type Address, describeAddress, type RedisTarget } from "./url.js";

/** Where the engine says what happens to its Redis. */
export interface EngineLog {
  info(facts: object, message: string): void;
  warn(facts: object, message: string): void;
}

export interface LinkConfig {
  readonly target: RedisTarget;
  readonly answerTimeoutMs: number;
  readonly waitReplicas: number;
  readonly calmRefreshMs: number;
  readonly log: EngineLog;
}

export interface OpenLinkDeps {
  readonly keys: Keys;
  readonly events: LinkEvents;
  /** A server may hold less than it did; told before anything is read there or written to it. */
  readonly mayHaveLost: (hasSlot: (slot: number) => boolean) => void;
}

/** Of a link to one server, what depends on whether there are others. */
interface Part {
  readonly locate: () => Promise<Address>;
  readonly hasSlot: (slot: number) => boolean;
  readonly lost: () => void;
  readonly moved: (channel: string) => void;
}

/** A link for a target, not connected yet; `open` connects it. */
export function linkFor(config: LinkConfig, deps: OpenLinkDeps): RedisLink & { open(): Promise<void> } {
  const { target, answerTimeoutMs } = config;
  const { username, password, database, isTls, addresses } = target;
  const options: SessionOptions = { username, password, database, isTls, answerTimeoutMs };
  if (target.form === "cluster") {
    return new ClusterLink({
      options,
      addresses,
      events: deps.events,
      calmRefreshMs: config.calmRefreshMs,
      serverAt: (address, part) => serverLink(config, options, deps, { ...part, locate: async () => address }),
    });
  }
  const locate = target.form === "sentinel" ? () => locateMaster(target, options) : async () => firstOf(addresses);
  return serverLink(config, options, deps, {
    locate,
    hasSlot: () => true,
    lost: () => undefined,
    moved: (channel) => deps.events.interrupted([channel]),
  });
}

function serverLink(config: LinkConfig, options: SessionOptions, deps: OpenLinkDeps, part: Part): ServerLink {
  const { keys, events } = deps;
  const tag = () => tagIn(part.hasSlot, "probe") ?? "";
  return new ServerLink({
    options,
    keys,
    locate: part.locate,
    tag,
    events,
    connected: async (session, mayHaveLost) => {
      await checkServer(session, keys.probe(tag()));
      if (!mayHaveLost) {
        config.log.info({ redis: describeAddress(session.address) }, "connected to Redis again");
        return;
      }
      await tellDurability(session, config);
      deps.mayHaveLost(part.hasSlot);
    },
    moved: part.moved,
    lost: (cause) => {
      config.log.warn({ reason: cause.message }, "lost a connection to Redis");
      part.lost();
    },
    waitReplicas: config.waitReplicas,
    random: Math.random,
  });
}

async function tellDurability(session: Session, { waitReplicas, log }: LinkConfig): Promise<void> {
  const { meaning, warning } = await durabilityOf(session, waitReplicas);
  const redis = describeAddress(session.address);
  log.info({ redis }, `connected to Redis: ${meaning}`);
  if (warning !== undefined) log.warn({ redis }, warning);
}

function firstOf([address]: readonly Address[]): Address {
  if (address) return address;
  throw new Error("a target has an address");
}
