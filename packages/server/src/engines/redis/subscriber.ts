import { Connection, type ConnectionDeps } from "./connection.js";
import { RedisLostError } from "./redis-error.js";
import type { Session } from "./session.js";

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
  private readonly channels = new Set<string>();
  private hasBeenUp = false;

  constructor(private readonly deps: SubscriberDeps) {
    this.connection = new Connection({
      ...deps,
      purpose: "Pub/Sub",
      prepare: (session) => this.resubscribe(session),
      lost: deps.lost,
    });
  }

  /** Resolves once everything published from now on will be heard. @throws RedisLostError */
  async subscribe(channel: string): Promise<void> {
    const session = this.connection.current;
    this.channels.add(channel);
    try {
      await session.subscribe(channel, this.listener);
    } catch (thrown) {
      this.channels.delete(channel);
      throw new RedisLostError("the subscription was not confirmed", false, { cause: thrown });
    }
  }

  unsubscribe(channel: string): void {
    this.channels.delete(channel);
    try {
      this.connection.current.unsubscribe(channel).catch(() => {
        // The connection ended, and the subscription with it.
      });
    } catch {
      // There is no connection, so there is no subscription.
    }
  }

  private readonly listener = (message: Buffer, channel: Buffer): void => {
    this.deps.heard(channel.toString("latin1"), message);
  };

  private async resubscribe(session: Session): Promise<void> {
    session.whenMoved((channel) => {
      if (this.channels.delete(channel)) this.deps.moved(channel);
    });
    await session.subscribe(this.deps.always(), this.listener);
    const channels = [...this.channels];
    for (let from = 0; from < channels.length; from += channelsPerSlice) {
      const slice = channels.slice(from, from + channelsPerSlice);
      await Promise.all(slice.map((channel) => session.subscribe(channel, this.listener)));
    }
    // Those that were given up meanwhile; whoever wants them again asks again.
    for (const channel of channels) if (!this.channels.has(channel)) await session.unsubscribe(channel);
    if (this.hasBeenUp) this.deps.interrupted(channels);
    this.hasBeenUp = true;
  }
}
