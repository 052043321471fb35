import { Connection } from "./connection.js";
import type { LinkEvents, RedisLink } from "./redis-link.js";
import type { Script } from "./scripts/script.js";
import type { Argument, Session, SessionOptions } from "./session.js";
import { Subscriber } from "./subscriber.js";
import type { Address } from "./url.js";

export interface SingleLinkDeps {
  readonly options: SessionOptions;
  readonly locate: () => Promise<Address>;
  readonly events: LinkEvents;
  readonly prepare: (session: Session) => Promise<void>;
  readonly random: () => number;
}

/** One server, or the master that Sentinels know: all keys are there. */
export class SingleLink implements RedisLink {
  private readonly commands: Connection;
  private readonly subscriber: Subscriber;

  constructor({ options, locate, events, prepare, random }: SingleLinkDeps) {
    this.commands = new Connection({ purpose: "commands", options, locate, prepare, lost: () => undefined, random });
    this.subscriber = new Subscriber({
      options,
      locate,
      random,
      heard: (channel, message) => events.heard(channel, message),
      interrupted: (channels) => events.interrupted(channels),
      moved: (channel) => events.interrupted([channel]),
    });
  }

  /** @throws what stood in the way. */
  async open(): Promise<void> {
    try {
      await this.commands.open();
      await this.subscriber.connection.open();
    } catch (thrown) {
      this.close();
      throw thrown;
    }
  }

  async run(script: Script, keys: readonly string[], args: readonly Argument[]): Promise<unknown> {
    return this.commands.current.run(script, keys, args);
  }

  async send(_key: string, args: readonly Argument[]): Promise<unknown> {
    return this.commands.current.send(args);
  }

  async subscribe(channel: string): Promise<void> {
    await this.subscriber.subscribe(channel);
  }

  unsubscribe(channel: string): void {
    this.subscriber.unsubscribe(channel);
  }

  trouble(): string | undefined {
    return this.commands.trouble ?? this.subscriber.connection.trouble;
  }

  close(): void {
    this.commands.close();
    this.subscriber.connection.close();
  }
}
