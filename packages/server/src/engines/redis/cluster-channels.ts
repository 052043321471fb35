import { redisErrorCode } from "./redis-error.js";
import type { RedisLink } from "./redis-link.js";

/** A server of a Cluster, for channels. */
export interface ChannelServer {
  readonly name: string;
  readonly link: Pick<RedisLink, "subscribe" | "unsubscribe">;
}

export interface ClusterChannelsDeps {
  /** The server that has a channel's slot. @throws RedisLostError: none is known. */
  readonly ownerOf: (channel: string) => ChannelServer;
  /** Undefined: the Cluster does not have it any more. */
  readonly linkTo: (name: string) => ChannelServer["link"] | undefined;
  /** Ask for the map of slots now, first the server that says that it has changed, and then `followMap`. Never rejects. */
  readonly refresh: (server: string | undefined) => Promise<void>;
  /** Something may have been missed on these channels. */
  readonly interrupted: (channels: Iterable<string>) => void;
  /** Resolves after a pause, longer for a higher number. */
  readonly backOff: (redirections: number) => Promise<void>;
}

/** A channel that is wanted, from one `subscribe` to the `unsubscribe` after it. */
interface Followed {
  /** The server that was asked to bring it; undefined: none, and the next map will tell which one to ask. */
  server: string | undefined;
}

/** How often a subscription follows a slot to another server before it is given up. */
const maxRedirections = 5;

/** The channels that are wanted of a Cluster, each subscribed at the server that has its slot. */
export class ClusterChannels {
  private readonly channels = new Map<string, Followed>();

  constructor(private readonly deps: ClusterChannelsDeps) {}

  /** Whether each has been subscribed at some server, or is about to be. */
  get areFollowed(): boolean {
    for (const { server } of this.channels.values()) if (server === undefined) return false;
    return true;
  }

  /** As `RedisLink.subscribe`. */
  async subscribe(channel: string): Promise<void> {
    const followed: Followed = { server: undefined };
    this.channels.set(channel, followed);
    for (let redirections = 0; ; redirections++) {
      const asked = this.homeOf(channel);
      try {
        await this.follow(channel, followed);
        return;
      } catch (thrown) {
        if (redisErrorCode(thrown) !== "MOVED" || redirections === maxRedirections) {
          if (this.channels.get(channel) === followed) this.channels.delete(channel);
          throw thrown;
        }
        await this.deps.refresh(asked);
        if (followed.server === undefined) await this.deps.backOff(redirections);
        if (this.channels.get(channel) !== followed) return;
      }
    }
  }

  unsubscribe(channel: string): void {
    const followed = this.channels.get(channel);
    this.channels.delete(channel);
    if (followed) this.leave(channel, followed);
  }

  /** A server has ended a subscription, since another server has the channel's slot. */
  moved(channel: string, server: string): void {
    const followed = this.channels.get(channel);
    if (followed?.server !== server) return;
    followed.server = undefined;
    void this.deps.refresh(server);
  }

  /** There is another map: subscribe each channel where its slot is now. Never rejects. */
  async followMap(): Promise<void> {
    const strayed = [...this.channels].filter(([channel, { server }]) => server !== this.homeOf(channel));
    await Promise.all(strayed.map(([channel, followed]) => this.followAgain(channel, followed)));
  }

  private homeOf(channel: string): string | undefined {
    try {
      return this.deps.ownerOf(channel).name;
    } catch {
      return undefined;
    }
  }

  /**
   * Subscribe a channel where its slot is. The server is noted before it has answered, so that an end of the subscription that
   * comes meanwhile goes to the same server, after this.
   *
   * @throws RedisLostError, ErrorReply
   */
  private async follow(channel: string, followed: Followed): Promise<void> {
    const { name, link } = this.deps.ownerOf(channel);
    followed.server = name;
    try {
      await link.subscribe(channel);
    } catch (thrown) {
      // Otherwise another server has been asked meanwhile, after a change of the map, and this answer does not count.
      if (followed.server !== name) return;
      followed.server = undefined;
      throw thrown;
    }
  }

  /** Never rejects: what fails is tried again with the next map. */
  private async followAgain(channel: string, followed: Followed): Promise<void> {
    this.leave(channel, followed);
    try {
      await this.follow(channel, followed);
      this.deps.interrupted([channel]);
    } catch {
      // Its server is not there yet.
    }
  }

  private leave(channel: string, followed: Followed): void {
    if (followed.server !== undefined) this.deps.linkTo(followed.server)?.unsubscribe(channel);
    followed.server = undefined;
  }
}
