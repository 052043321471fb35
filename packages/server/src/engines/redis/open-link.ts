import { ClusterLink } from "./cluster-link.js";
import { CommandLink, type CommandLinkDeps } from "./command-link.js";
import { durabilityOf } from "./durability.js";
import type { EngineLog } from "./engine-log.js";
import type { Keys } from "./keys.js";
import { NewerRooms } from "./newer-rooms.js";
import type { LinkEvents, RedisLink } from "./redis-link.js";
import { locateMaster } from "./sentinel.js";
import { ServerLink } from "./server-link.js";
import type { Session, SessionOptions } from "./session.js";
import { tagIn } from "./slots.js";
import { checkServer } from "./start-check.js";
import { type Address, describeAddress, type RedisTarget } from "./url.js";

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
  /** Also of slots that are moving to it. */
  readonly mayHoldOf: (slot: number) => boolean;
  readonly lost: () => void;
  readonly moved: (channel: string) => void;
}

/** A link for a target, not connected yet; `open` connects it. */
export function linkFor(config: LinkConfig, deps: OpenLinkDeps): RedisLink & { open(): Promise<void> } {
  const { target, answerTimeoutMs } = config;
  const { username, password, database, isTls, addresses } = target;
  const options: SessionOptions = { username, password, database, isTls, answerTimeoutMs };
  const links = new Links(config, options, deps);
  if (target.form === "cluster") {
    return new ClusterLink({
      options,
      addresses,
      events: deps.events,
      calmRefreshMs: config.calmRefreshMs,
      log: config.log,
      serverAt: (address, part) => links.server({ ...part, locate: async () => address }),
      newcomerAt: (address, part) => links.newcomer({ ...part, locate: async () => address }),
    });
  }
  const locate = target.form === "sentinel" ? () => locateMaster(target, options) : async () => firstOf(addresses);
  return links.server({
    locate,
    hasSlot: () => true,
    mayHoldOf: () => true,
    lost: () => undefined,
    moved: (channel) => deps.events.interrupted([channel]),
  });
}

/** Makes the links to servers. */
class Links {
  private readonly newerRooms: NewerRooms;

  constructor(
    private readonly config: LinkConfig,
    private readonly options: SessionOptions,
    private readonly deps: OpenLinkDeps,
  ) {
    this.newerRooms = new NewerRooms(config.log);
  }

  server(part: Part): ServerLink {
    const { keys, events } = this.deps;
    const tag = () => tagIn(part.hasSlot, "probe") ?? "";
    const check = (session: Session) => checkServer(session, keys.probe(tag()));
    return new ServerLink({ ...this.commands(part, check), keys, tag, events, moved: part.moved });
  }

  /** It has no slot, so no key can be written to try it. */
  newcomer(part: Part): CommandLink {
    return new CommandLink(this.commands(part, async () => undefined));
  }

  private commands(part: Part, check: (session: Session) => Promise<void>): CommandLinkDeps {
    const { config, options, deps } = this;
    const { log, waitReplicas } = config;
    return {
      options,
      locate: part.locate,
      connected: async (session, mayHaveLost) => {
        await check(session);
        if (!mayHaveLost) {
          log.info({ redis: describeAddress(session.address) }, "connected to Redis again");
          return;
        }
        await tellDurability(session, config);
        deps.mayHaveLost(part.mayHoldOf);
      },
      lost: (cause) => {
        log.warn({ reason: cause.message }, "lost a connection to Redis");
        part.lost();
      },
      failed: (thrown) => this.newerRooms.note(thrown),
      waitReplicas,
      random: Math.random,
    };
  }
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
