import { Connection, type ConnectionDeps } from "./connection.js";
import { RedisLostError, redisErrorCode } from "./redis-error.js";
import type { Session } from "./session.js";
import { SessionChannels } from "./session-channels.js";

export interface SubscriberDeps extends Pick<ConnectionDeps, "options" | "locate" | "random" | "lost"> {
  readonly heard: (channel: string, message: Buffer) => void;
  /** The connection was lost and is back: what these channels brought meanwhile was missed. */
  readonly interrupted: (channels: Iterable<string>) => void;
  /** The server has stopped to bring a channel: it is another one's now. */
  readonly moved: (channel: string) => void;
  /** A channel that every session listens to beside those that were asked for. */
  readonly always: () => string;
}

/** Channels subscribed again at a time after a reconnect. */
const channelsPerSlice = 1_000;

/** The Pub/Sub connection to one server: what is subscribed stays so through reconnects, and those who listen are told of them. */
export class Subscriber {
  readonly connection: Connection;
  /** What is subscribed on every session. */
  private readonly wanted = new Set<string>();
  /** Of the session in use, or of the one that is made fit for it. */
  private channels: SessionChannels | undefined;
  private hasBeenUp = false;

  constructor(private readonly deps: SubscriberDeps) {
    this.connection = new Connection({
      ...deps,
      purpose: "Pub/Sub",
      prepare: (session) => this.resubscribe(session),
      lost: deps.lost,
    });
  }

  /** Resolves once everything published from now on will be heard. @throws ErrorReply, RedisLostError. */
  async subscribe(channel: string): Promise<void> {
    const { connection } = this;
    // Throws while there is no session in use: one that is made fit for it may still be given up.
    if (!connection.isOpening) void connection.current;
    this.wanted.add(channel);
    try {
      if (connection.isOpening) await connection.ready();
      if (!this.wanted.has(channel)) return;
      await this.channels?.subscribe(channel);
    } catch (thrown) {
      this.wanted.delete(channel);
      if (redisErrorCode(thrown) !== undefined) throw thrown;
      throw new RedisLostError("the subscription was not confirmed", false, { cause: thrown });
    }
  }

  unsubscribe(channel: string): void {
    this.wanted.delete(channel);
    this.channels?.unsubscribe(channel);
  }

  private async resubscribe(session: Session): Promise<void> {
    const channels = new SessionChannels({
      session,
      heard: (message, channel) => this.deps.heard(channel.toString("latin1"), message),
      moved: (channel) => this.moved(channel),
    });
    this.channels = channels;
    await channels.subscribe(this.deps.always());
    const names = [...this.wanted];
    for (let from = 0; from < names.length; from += channelsPerSlice) {
      // Without those that were given up meanwhile.
      const slice = names.slice(from, from + channelsPerSlice).filter((name) => this.wanted.has(name));
      await Promise.all(slice.map((name) => this.subscribeAgain(channels, name)));
    }
    if (this.hasBeenUp) this.deps.interrupted(names);
    this.hasBeenUp = true;
  }

  private async subscribeAgain(channels: SessionChannels, channel: string): Promise<void> {
    try {
      await channels.subscribe(channel);
    } catch (thrown) {
      if (redisErrorCode(thrown) !== "MOVED") throw thrown;
      this.moved(channel);
    }
  }

  private moved(channel: string): void {
    if (this.wanted.delete(channel)) this.deps.moved(channel);
  }
}
