import { ClusterChannels } from "./cluster-channels.js";
import { ClusterMap } from "./cluster-map.js";
import type { CommandLink } from "./command-link.js";
import type { EngineLog } from "./engine-log.js";
import { Newcomers } from "./newcomers.js";
import { OpenSlots } from "./open-slots.js";
import { type Redirection, redirectionFrom } from "./redirection.js";
import { RedisLostError, redisErrorCode } from "./redis-error.js";
import type { LinkEvents, RedisLink } from "./redis-link.js";
import type { Script } from "./scripts/script.js";
import type { ServerLink } from "./server-link.js";
import { type Argument, Session, type SessionOptions } from "./session.js";
import { slotOf } from "./slots.js";
import { type Address, describeAddress } from "./url.js";
import { UsedBytes } from "./used-bytes.js";

export interface ClusterLinkDeps {
  readonly options: SessionOptions;
  /** Some of its servers, to begin with. */
  readonly addresses: readonly Address[];
  readonly events: LinkEvents;
  /** How often the map is asked for again while all is well, in milliseconds. */
  readonly calmRefreshMs: number;
  readonly log: EngineLog;
  /** A link to one of its masters, not opened yet. */
  readonly serverAt: (address: Address, part: ClusterPart) => ServerLink;
  /** A link to a master that has no slot yet and is sent its first one. Not opened yet. */
  readonly newcomerAt: (address: Address, part: ClusterPart) => CommandLink;
}

/** What a link to one master is told of the Cluster. */
export interface ClusterPart {
  readonly hasSlot: (slot: number) => boolean;
  /** It has the slot, or the slot is moving to it. */
  readonly mayHoldOf: (slot: number) => boolean;
  /** A connection has ended: perhaps others have its slots by now. */
  readonly lost: () => void;
  /** It brings a channel no more, since another one has its slot. */
  readonly moved: (channel: string) => void;
}

/** How a command is run at the server that has its keys, and at the one that they are moving to. */
interface Redirected {
  readonly at: (server: CommandLink) => Promise<unknown>;
  readonly asking: (server: CommandLink) => Promise<unknown>;
}

/** How often the map is asked for again while something is not well, in milliseconds. */
const troubledRefreshMs = 500;

/** How often one command is tried again elsewhere or later before it is given up. With the pauses this is 2.5 s. */
const maxRedirections = 7;

/**
 * A Redis Cluster: each key at the master that has its slot, each channel too.
 *
 * The map of slots is asked for at once when a server says that it is wrong, and from time to time. Links to masters come
 * and go with it; channels follow their slots, and who listens is told that something may have been missed.
 */
export class ClusterLink implements RedisLink {
  private readonly servers = new Map<string, ServerLink>();
  private readonly used = new UsedBytes();
  private map = new ClusterMap();
  private readonly channels = new ClusterChannels({
    ownerOf: (channel) => this.ownerOf(channel),
    linkTo: (name) => this.servers.get(name),
    refresh: (server) => this.refresh(server),
    interrupted: (channels) => this.deps.events.interrupted(channels),
    backOff,
  });
  private readonly newcomers: Newcomers;
  private readonly openSlots: OpenSlots;
  /** Slots that were moving when a command was last sent on, and to which server. */
  private readonly sentOn = new Map<number, string>();
  /** Masters that have no slot any more, until their last answers have come. */
  private readonly retiring = new Set<ServerLink>();
  private refreshing: Promise<void> | undefined;
  private timer: NodeJS.Timeout | undefined;
  /** When the map is asked for next. */
  private dueAtMs = Number.POSITIVE_INFINITY;
  private isClosed = false;

  constructor(private readonly deps: ClusterLinkDeps) {
    const { options, log, newcomerAt } = deps;
    const { username, password, answerTimeoutMs } = options;
    this.openSlots = new OpenSlots({ username, password, timeoutMs: Math.floor(answerTimeoutMs / 2), log });
    this.newcomers = new Newcomers((address) => newcomerAt(address, this.partOf(describeAddress(address))));
  }

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
    return this.redirected(keys, {
      at: (server) => server.run(script, keys, args, isDurable),
      asking: async (server) => {
        const { reply, published } = await server.runAsking(script, keys, args, isDurable);
        // Subscribers are where the slot is until its move has ended.
        await Promise.all(published.map(({ channel, message }) => this.publish(channel, message)));
        return reply;
      },
    });
  }

  async send(key: string, args: readonly Argument[]): Promise<unknown> {
    return this.redirected([key], {
      at: (server) => server.send(args),
      asking: (server) => server.sendAsking(args),
    });
  }

  subscribe(channel: string): Promise<void> {
    return this.channels.subscribe(channel);
  }

  unsubscribe(channel: string): void {
    this.channels.unsubscribe(channel);
  }

  usedBytes(): Promise<number | undefined> {
    return this.used.over(this.servers.values());
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
    for (const server of [...this.servers.values(), ...this.retiring]) server.close();
    this.newcomers.close();
  }

  /** Run a command where its keys are, wherever servers send it. */
  private async redirected(keys: readonly string[], command: Redirected): Promise<unknown> {
    const [key = ""] = keys;
    for (let redirections = 0; ; redirections++) {
      const { name, link } = this.ownerOf(key);
      const { commands } = link;
      try {
        return await command.at(commands);
      } catch (thrown) {
        if (redirections === maxRedirections) throw thrown;
        switch (redisErrorCode(thrown)) {
          case "MOVED":
            await this.refresh(name);
            // Otherwise the servers do not agree yet.
            if (this.ownerOf(key).name === name) await backOff(redirections);
            break;
          case "ASK": {
            const answer = await this.ask(redirectionFrom(thrown, commands.current.address), command);
            if (answer) return answer.reply;
            await backOff(redirections);
            break;
          }
          case "TRYAGAIN":
            if (!(await this.openSlots.move(commands, keys))) await backOff(redirections);
            break;
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

  /** Run a command where a key's slot is moving to. Undefined: the move has ended, or has not begun there. */
  private async ask(
    redirection: Redirection | undefined,
    { asking }: Redirected,
  ): Promise<{ readonly reply: unknown } | undefined> {
    if (!redirection) return undefined;
    const { slot, address } = redirection;
    const name = describeAddress(address);
    const commands = this.servers.get(name)?.commands ?? (await this.newcomers.at(address));
    try {
      const reply = await asking(commands);
      this.sentOn.set(slot, name);
      return { reply };
    } catch (thrown) {
      const code = redisErrorCode(thrown);
      if (code === "MOVED" || code === "ASK" || code === "TRYAGAIN") return undefined;
      throw thrown;
    }
  }

  /** At most once, as all publishing. Never rejects. */
  private async publish(channel: string, message: Buffer): Promise<void> {
    try {
      await this.send(channel, ["SPUBLISH", channel, message]);
    } catch {
      // Readers find in the log what did not arrive.
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
    return this.deps.serverAt(address, this.partOf(name));
  }

  private partOf(name: string): ClusterPart {
    return {
      hasSlot: (slot) => this.map.ownerOf(slot) === name,
      mayHoldOf: (slot) => this.map.ownerOf(slot) === name || this.sentOn.get(slot) === name,
      lost: () => this.refreshSoon(),
      moved: (channel) => this.channels.moved(channel, name),
    };
  }

  /** `first`: the server to begin with. */
  private async askAnyone(first?: string): Promise<ClusterMap> {
    const { masters } = this.map;
    const asked = new Map<string, Address>();
    const informed = first === undefined ? undefined : masters.get(first);
    for (const address of [...(informed ? [informed] : []), ...masters.values(), ...this.deps.addresses]) {
      asked.set(describeAddress(address), address);
    }
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

  /**
   * Ask for the map now, once for all that ask meanwhile. Never rejects: the old one stays then. `server`: the one that says
   * that the map is wrong. It knows of the change, which others learn a moment later.
   */
  private refresh(server?: string): Promise<void> {
    clearTimeout(this.timer);
    this.dueAtMs = Number.POSITIVE_INFINITY;
    this.refreshing ??= this.renewMap(server)
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

  private async renewMap(server: string | undefined): Promise<void> {
    const map = await this.askAnyone(server);
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
      this.retiring.add(server);
      server.retire(() => this.retiring.delete(server));
    }
    for (const [slot, name] of this.sentOn) if (map.ownerOf(slot) === name) this.sentOn.delete(slot);
    this.newcomers.closeIdle();
    // Commands need not wait for it.
    void this.channels.followMap().then(() => {
      if (!this.channels.areFollowed) this.refreshSoon();
    });
  }
}

/** The Cluster needs a moment: longer each time. */
function backOff(redirections: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 20 * 2 ** redirections));
}
