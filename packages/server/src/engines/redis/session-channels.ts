import { RedisLostError, redisErrorCode } from "./redis-error.js";
import type { Session } from "./session.js";

export interface SessionChannelsDeps {
  readonly session: Session;
  readonly heard: (message: Buffer, channel: Buffer) => void;
  /** The server has ended a subscription, since another server has the channel's slot now. */
  readonly moved: (channel: string) => void;
}

interface Channel {
  isWanted: boolean;
  /** By the last answer of the server. */
  isSubscribed: boolean;
  /** Set while a command is on its way; settles when the server does what is wanted. */
  settling: Promise<void> | undefined;
}

/**
 * The channels of one Pub/Sub session.
 *
 *     none ── SSUBSCRIBE ──► subscribed ── SUNSUBSCRIBE ──► none
 *
 * One command is on its way for each channel; a wish that comes meanwhile waits for its answer. The client library keeps its
 * listeners by channel and not by command: the answer to a SUNSUBSCRIBE removes the listener of an SSUBSCRIBE that was
 * asked for after it, and no SSUBSCRIBE is sent. Channels are independent of each other.
 */
export class SessionChannels {
  private readonly channels = new Map<string, Channel>();

  constructor(private readonly deps: SessionChannelsDeps) {
    deps.session.whenMoved((name) => this.moved(name));
  }

  /** Resolves once everything published from now on will arrive. @throws ErrorReply, RedisLostError. */
  subscribe(name: string): Promise<void> {
    let channel = this.channels.get(name);
    if (!channel) {
      channel = { isWanted: true, isSubscribed: false, settling: undefined };
      this.channels.set(name, channel);
    }
    channel.isWanted = true;
    return this.settled(name, channel);
  }

  unsubscribe(name: string): void {
    const channel = this.channels.get(name);
    if (!channel) return;
    channel.isWanted = false;
    this.settled(name, channel).catch(() => {
      // The session has ended, and the subscription with it.
    });
  }

  private settled(name: string, channel: Channel): Promise<void> {
    if (channel.settling === undefined && channel.isWanted === channel.isSubscribed) return Promise.resolve();
    channel.settling ??= this.settle(name, channel);
    return channel.settling;
  }

  private async settle(name: string, channel: Channel): Promise<void> {
    try {
      while (channel.isWanted !== channel.isSubscribed) {
        if (channel.isWanted) await this.deps.session.subscribe(name, this.deps.heard);
        else await this.end(name);
        channel.isSubscribed = !channel.isSubscribed;
      }
    } finally {
      // In the same step as the last look at what is wanted, so that the next wish starts another settling.
      channel.settling = undefined;
      if (!channel.isSubscribed) this.channels.delete(name);
    }
  }

  private async end(name: string): Promise<void> {
    try {
      await this.deps.session.unsubscribe(name);
    } catch (thrown) {
      // The slot is another server's, so there is no subscription here.
      if (redisErrorCode(thrown) !== "MOVED") throw thrown;
    }
  }

  /**
   * The library takes such an end for an answer if it waits for one, and the answers that follow for those to later commands.
   * Then the last of them does not fit: an answer without a command ends the session by itself, and the end of
   * a subscription that does not exist ends it here. The next session subscribes everything again, and readers catch up from the log.
   */
  private moved(name: string): void {
    const channel = this.channels.get(name);
    if (!channel?.isSubscribed || channel.settling !== undefined) {
      this.deps.session.end(new RedisLostError("answers about subscriptions do not fit what was asked", false));
      return;
    }
    this.channels.delete(name);
    this.deps.moved(name);
  }
}
