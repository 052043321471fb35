import { ClusterChannels } from "./cluster-channels.js";
import { ClusterMap } from "./cluster-map.js";
import { RedisLostError, redisErrorCode } from "./redis-error.js";
import type { LinkEvents, RedisLink } from "./redis-link.js";
import type { Script } from "./scripts/script.js";
import type { ServerLink } from "./server-link.js";
import { type Argument, Session, type SessionOptions } from "./session.js";
import { slotOf } from "./slots.js";
import { type Address, describeAddress } from "./url.js";

export interface ClusterLinkDeps {
  readonly options: SessionOptions;
  /** Some of its servers, to begin with. */
  readonly addresses: readonly Address[];
  readonly events: LinkEvents;
  /** How often the map is asked for again while all is well, in milliseconds. */
  readonly calmRefreshMs: number;
  /** A link to one of its masters, not opened yet. */
  readonly serverAt: (address: Address, part: ClusterPart) => ServerLink;
}

/** What a link to one master is told of the Cluster. */
export interface ClusterPart {
  readonly hasSlot: (slot: number) => boolean;
  /** A connection has ended: perhaps others have its slots by now. */
  readonly lost: () => void;
  /** It brings a channel no more, since another one has its slot. */
  readonly moved: (channel: string) => void;
}

/** How often the map is asked for again while something is not well, in milliseconds. */
const troubledRefreshMs = 500;

/** How often one command follows a redirection before it is given up: a slot on its way takes two. */
const maxRedirections = 5;

/**
 * A Redis Cluster: each key at the master that has its slot, each channel too.
 *
 * The map of slots is asked for at once when a server says that it is wrong, and from time to time. Links to masters come
 * and go with it; channels follow their slots, and who listens is told that something may have been missed.
 */
export class ClusterLink implements RedisLink {
  private readonly servers = new Map<string, ServerLink>();
  private map = new ClusterMap();
  private readonly channels = new ClusterChannels({
    ownerOf: (channel) => this.ownerOf(channel),
    linkTo: (name) => this.servers.get(name),
    refresh: () => this.refresh(),
    interrupted: (channels) => this.deps.events.interrupted(channels),
    backOff,
  });
  private refreshing: Promise<void> | undefined;
  private timer: NodeJS.Timeout | undefined;
  /** When the map is asked for next. */
  private dueAtMs = Number.POSITIVE_INFINITY;
  private isClosed = false;

  constructor(private readonly deps: ClusterLinkDeps) {}

  /** @throws what stood in the way. */
  async open(): Promise<void> {
    try {
      this.map = await this.askAnyone();
      for (const [name, address] of this.map.masters) this.servers.set(name, this.linkTo(name, address));
      await Promise.all([...this.servers.values()].map((server) => server.open()));
    } catch (thrown) {
      this.close();
      throw thrown;
    }
    this.refreshLater();
  }

  async run(script: Script, keys: readonly string[], args: readonly Argument[], isDurable = false): Promise<unknown> {
    return this.redirected(keys[0] ?? "", {
      at: (server) => server.run(script, keys, args, isDurable),
      asking: (server) => server.runAsking(script, keys, args),
    });
  }

  async send(key: string, args: readonly Argument[]): Promise<unknown> {
    const at = (server: ServerLink) => server.send(key, args);
    return this.redirected(key, { at, asking: at });
  }

  subscribe(channel: string): Promise<void> {
    return this.channels.subscribe(channel);
  }

  unsubscribe(channel: string): void {
    this.channels.unsubscribe(channel);
  }

  trouble(): string | undefined {
    for (const [name, server] of this.servers) {
      const trouble = server.trouble();
      if (trouble !== undefined) return `${name}: ${trouble}`;
    }
    return undefined;
  }

  close(): void {
    this.isClosed = true;
    clearTimeout(this.timer);
    for (const server of this.servers.values()) server.close();
  }

  /** Run a command where its key is, wherever servers send it. */
  private async redirected(
    key: string,
    { at, asking }: { at: (server: ServerLink) => Promise<unknown>; asking: (server: ServerLink) => Promise<unknown> },
  ): Promise<unknown> {
    for (let redirections = 0; ; redirections++) {
      try {
        return await at(this.ownerOf(key).link);
      } catch (thrown) {
        if (redirections === maxRedirections) throw thrown;
        switch (redisErrorCode(thrown)) {
          case "MOVED":
            await this.refresh();
            break;
          case "ASK": {
            const there = this.servers.get(targetOf(thrown));
            if (there) return asking(there);
            await this.refresh();
            break;
          }
          case "TRYAGAIN":
          case "CLUSTERDOWN":
            await backOff(redirections);
            break;
          default:
            if (thrown instanceof RedisLostError) this.refreshSoon();
            throw thrown;
        }
      }
    }
  }

  private ownerOf(key: string): { readonly name: string; readonly link: ServerLink } {
    const name = this.map.ownerOf(slotOf(key));
    const link = name === undefined ? undefined : this.servers.get(name);
    if (name !== undefined && link) return { name, link };
    this.refreshSoon();
    throw new RedisLostError("nobody in the Cluster has this slot", false);
  }

  private linkTo(name: string, address: Address): ServerLink {
    return this.deps.serverAt(address, {
      hasSlot: (slot) => this.map.ownerOf(slot) === name,
      lost: () => this.refreshSoon(),
      moved: (channel) => this.channels.moved(channel, name),
    });
  }

  private async askAnyone(): Promise<ClusterMap> {
    const asked = new Map(
      [...this.map.masters.values(), ...this.deps.addresses].map((one) => [describeAddress(one), one]),
    );
    let lastFailure: unknown;
    for (const address of asked.values()) {
      try {
        const session = await Session.open(address, this.deps.options);
        try {
          const map = await ClusterMap.ask(session);
          if (map.masters.size > 0) return map;
        } finally {
          session.close();
        }
      } catch (thrown) {
        lastFailure = thrown;
      }
    }
    throw lastFailure ?? new RedisLostError("nobody in the Cluster has slots yet", false);
  }

  /** Ask for the map now, once for all who ask meanwhile. Never rejects: the old one stays then. */
  private refresh(): Promise<void> {
    clearTimeout(this.timer);
    this.dueAtMs = Number.POSITIVE_INFINITY;
    this.refreshing ??= this.renewMap()
      .catch(() => {
        // Nobody answers. Those who need the Cluster are told by their own commands.
      })
      .finally(() => {
        this.refreshing = undefined;
        this.refreshLater();
      });
    return this.refreshing;
  }

  private refreshSoon(): void {
    this.refreshWithin(troubledRefreshMs);
  }

  private refreshLater(): void {
    const isCalm = this.trouble() === undefined && this.channels.areFollowed;
    this.refreshWithin(isCalm ? this.deps.calmRefreshMs : troubledRefreshMs);
  }

  /** The earlier of two dates stands: those who ask again and again must not put it off. */
  private refreshWithin(ms: number): void {
    const dueAtMs = performance.now() + ms;
    if (this.isClosed || this.refreshing || dueAtMs >= this.dueAtMs) return;
    clearTimeout(this.timer);
    this.dueAtMs = dueAtMs;
    this.timer = setTimeout(() => void this.refresh(), ms).unref();
  }

  private async renewMap(): Promise<void> {
    const map = await this.askAnyone();
    if (this.isClosed) return;
    this.map = map;
    for (const [name, address] of map.masters) {
      if (this.servers.has(name)) continue;
      const server = this.linkTo(name, address);
      this.servers.set(name, server);
      server.openSoon();
    }
    for (const [name, server] of this.servers) {
      if (map.masters.has(name)) continue;
      this.servers.delete(name);
      server.close();
    }
    await this.channels.followMap();
  }
}

/** The Cluster needs a moment: longer each time, 0.6 s in all. */
function backOff(redirections: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 20 * 2 ** redirections));
}

/** The server that a redirection names: `ASK 3999 127.0.0.1:6381`. */
function targetOf(thrown: unknown): string {
  return thrown instanceof Error ? (thrown.message.split(" ")[2] ?? "") : "";
}
