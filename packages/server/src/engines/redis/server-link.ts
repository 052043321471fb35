import { randomUUID } from "node:crypto";
import { CommandLink, type CommandLinkDeps } from "./command-link.js";
import type { Keys } from "./keys.js";
import { redisErrorCode } from "./redis-error.js";
import type { LinkEvents, RedisLink } from "./redis-link.js";
import type { Script } from "./scripts/script.js";
import { field, info, serverState } from "./server-state.js";
import type { Argument } from "./session.js";
import { Subscriber } from "./subscriber.js";

export interface ServerLinkDeps extends CommandLinkDeps {
  readonly keys: Keys;
  /** A hash tag of which the server has the slot. */
  readonly tag: () => string;
  readonly events: Pick<LinkEvents, "heard" | "interrupted">;
  /** The server brings a channel no more, since another one has its slot. */
  readonly moved: (channel: string) => void;
}

/** How often a node publishes to itself and asks the server what it is, as a part of the time that an answer may take. */
const beatInterval = 0.4;

/**
 * One server: a connection for commands and one for Pub/Sub, so that each can be found dead by itself.
 *
 * A subscribed connection that is open and brings nothing looks like one on which nobody speaks; so this node publishes to
 * itself from time to time, and what does not come in time has ended the connection. (A ping on it proves nothing.)
 */
export class ServerLink implements RedisLink {
  /** Also for what a Cluster redirects to this server. */
  readonly commands: CommandLink;
  private readonly subscriber: Subscriber;
  private readonly beatName = randomUUID();
  private beatChannel = "";
  private readonly beatTimer: NodeJS.Timeout;
  private beatSentAtMs: number | undefined;
  private retirement: NodeJS.Timeout | undefined;

  constructor(private readonly deps: ServerLinkDeps) {
    const { options, locate, random, events } = deps;
    this.commands = new CommandLink(deps);
    this.subscriber = new Subscriber({
      options,
      locate,
      random,
      lost: deps.lost,
      heard: (channel, message) => {
        if (channel === this.beatChannel) this.beatSentAtMs = undefined;
        else events.heard(channel, message);
      },
      interrupted: (channels) => events.interrupted(channels),
      moved: deps.moved,
      always: () => {
        this.beatChannel = `${deps.keys.probe(deps.tag())}:${this.beatName}`;
        return this.beatChannel;
      },
    });
    this.beatTimer = setInterval(() => void this.beat(), options.answerTimeoutMs * beatInterval);
    this.beatTimer.unref();
  }

  /** @throws what stood in the way; nothing is tried again then. */
  async open(): Promise<void> {
    try {
      await this.commands.open();
      await this.subscriber.connection.open();
    } catch (thrown) {
      this.close();
      throw thrown;
    }
  }

  /** As `open`, but what fails is tried again until `close`. */
  openSoon(): void {
    this.commands.openSoon();
    this.subscriber.connection.openSoon();
  }

  run(script: Script, keys: readonly string[], args: readonly Argument[], isDurable = false): Promise<unknown> {
    return this.commands.run(script, keys, args, isDurable);
  }

  send(_key: string, args: readonly Argument[]): Promise<unknown> {
    return this.commands.send(args);
  }

  async subscribe(channel: string): Promise<void> {
    await this.subscriber.subscribe(channel);
  }

  unsubscribe(channel: string): void {
    this.subscriber.unsubscribe(channel);
  }

  async usedBytes(): Promise<number | undefined> {
    const used = field(await info(this.commands.current, "memory"), "used_memory");
    return used === undefined ? undefined : Number(used);
  }

  trouble(): string | undefined {
    return this.commands.trouble ?? this.subscriber.connection.trouble;
  }

  /** The server has no slot any more: close, after what is on its way there has been answered. */
  retire(closed: () => void): void {
    clearInterval(this.beatTimer);
    this.subscriber.connection.close();
    this.retirement = setTimeout(() => {
      this.close();
      closed();
    }, this.deps.options.answerTimeoutMs).unref();
  }

  close(): void {
    clearInterval(this.beatTimer);
    clearTimeout(this.retirement);
    this.commands.close();
    this.subscriber.connection.close();
  }

  private async beat(): Promise<void> {
    const now = performance.now();
    if (this.beatSentAtMs !== undefined) {
      if (now - this.beatSentAtMs < this.deps.options.answerTimeoutMs) return;
      this.beatSentAtMs = undefined;
      this.subscriber.connection.restart(new Error("what was published did not come"));
    }
    if (this.trouble() !== undefined) return;
    const session = this.commands.current;
    try {
      this.beatSentAtMs = now;
      const [state] = await Promise.all([serverState(session), session.send(["SPUBLISH", this.beatChannel, ""])]);
      // The same connection, and another server behind it: it was made a replica for a while, or was synchronised anew.
      if (state.identity !== this.commands.identity || state.isReplica)
        session.end(new Error("the server is another one now"));
    } catch (thrown) {
      // That commands do not work is seen elsewhere; about Pub/Sub this says nothing.
      this.beatSentAtMs = undefined;
      // But the slot of the beat has gone to another server, and with it the beat: the next session has another one.
      if (redisErrorCode(thrown) === "MOVED")
        this.subscriber.connection.restart(new Error("the beat's slot has moved"));
    }
  }
}
