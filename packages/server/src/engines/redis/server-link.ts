import { randomUUID } from "node:crypto";
import { Connection } from "./connection.js";
import type { Keys } from "./keys.js";
import { RedisLostError, redisErrorCode } from "./redis-error.js";
import type { LinkEvents, RedisLink } from "./redis-link.js";
import type { Script } from "./scripts/script.js";
import { serverState } from "./server-state.js";
import type { Argument, Session, SessionOptions } from "./session.js";
import { Subscriber } from "./subscriber.js";
import type { Address } from "./url.js";

export interface ServerLinkDeps {
  readonly options: SessionOptions;
  readonly keys: Keys;
  /** Where the server is now. */
  readonly locate: () => Promise<Address>;
  /** A hash tag of which the server has the slot. */
  readonly tag: () => string;
  readonly events: Pick<LinkEvents, "heard" | "interrupted">;
  /** A new connection for commands, before anybody uses it; `mayHaveLost`: the server may hold less than it did. */
  readonly connected: (session: Session, mayHaveLost: boolean) => Promise<void>;
  /** The server brings a channel no more, since another one has its slot. */
  readonly moved: (channel: string) => void;
  /** A connection has ended, and is tried to be made again. */
  readonly lost: (cause: Error) => void;
  /** Replicas that must have a write before it counts; 0: none. */
  readonly waitReplicas: number;
  readonly random: () => number;
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
  private readonly commands: Connection;
  /** Where WAIT holds up what follows it, writes have a connection of their own. */
  private readonly writes: Connection;
  private readonly subscriber: Subscriber;
  private readonly beatName = randomUUID();
  private beatChannel = "";
  private readonly beatTimer: NodeJS.Timeout;
  private identity: string | undefined;
  private beatSentAtMs: number | undefined;
  /** On the session to which they belong: one WAIT for all writes that were answered in one turn. */
  private readonly waits = new WeakMap<Session, Promise<number>>();

  constructor(private readonly deps: ServerLinkDeps) {
    const { options, locate, random, events } = deps;
    const shared = { options, locate, random };
    this.commands = new Connection({
      ...shared,
      purpose: "commands",
      prepare: (session) => this.prepare(session),
      lost: deps.lost,
    });
    this.writes =
      deps.waitReplicas === 0
        ? this.commands
        : new Connection({
            ...shared,
            purpose: "writes",
            // Only where commands go already: there it was seen whether the server has lost something.
            prepare: async () => void this.commands.current,
            lost: () => undefined,
          });
    this.subscriber = new Subscriber({
      ...shared,
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
      if (this.writes !== this.commands) await this.writes.open();
      await this.subscriber.connection.open();
    } catch (thrown) {
      this.close();
      throw thrown;
    }
  }

  /** As `open`, but what fails is tried again until `close`. */
  openSoon(): void {
    for (const connection of this.connections) connection.openSoon();
  }

  async run(script: Script, keys: readonly string[], args: readonly Argument[], isDurable = false): Promise<unknown> {
    const session = isDurable ? this.writes.current : this.commands.current;
    try {
      const reply = await session.run(script, keys, args);
      if (isDurable && this.deps.waitReplicas > 0) await this.awaitReplicas(session);
      return reply;
    } catch (thrown) {
      throw this.judged(session, thrown);
    }
  }

  async send(_key: string, args: readonly Argument[]): Promise<unknown> {
    const session = this.commands.current;
    try {
      return await session.send(args);
    } catch (thrown) {
      throw this.judged(session, thrown);
    }
  }

  /** As `run`, for a key that is on its way to this server. */
  async runAsking(script: Script, keys: readonly string[], args: readonly Argument[]): Promise<unknown> {
    const session = this.commands.current;
    // Adjacent on the wire: ASKING holds for the next command alone.
    const [, reply] = await Promise.all([session.send(["ASKING"]), session.evaluate(script, keys, args)]);
    return reply;
  }

  async subscribe(channel: string): Promise<void> {
    await this.subscriber.subscribe(channel);
  }

  unsubscribe(channel: string): void {
    this.subscriber.unsubscribe(channel);
  }

  trouble(): string | undefined {
    return this.connections.map(({ trouble }) => trouble).find((trouble) => trouble !== undefined);
  }

  close(): void {
    clearInterval(this.beatTimer);
    for (const connection of this.connections) connection.close();
  }

  private get connections(): readonly Connection[] {
    return [...new Set([this.commands, this.writes]), this.subscriber.connection];
  }

  private async prepare(session: Session): Promise<void> {
    const { identity } = await serverState(session);
    await this.deps.connected(session, identity === undefined || identity !== this.identity);
    // Only now: had it failed, the next session would have to be looked at as this one.
    this.identity = identity;
  }

  /** An error as it is, after what it says of the connection has been seen to. */
  private judged(session: Session, thrown: unknown): unknown {
    // It was the master, and is a replica now: who the master is must be asked again.
    if (redisErrorCode(thrown) === "READONLY") session.end(new Error("the server is a replica now"));
    return thrown;
  }

  /** @throws RedisLostError: fewer have it than must; the write itself is there. */
  private async awaitReplicas(session: Session): Promise<void> {
    const { waitReplicas, options } = this.deps;
    let wait = this.waits.get(session);
    if (!wait) {
      wait = new Promise((resolve, reject) => {
        // The other answers of this turn are covered by the same WAIT: it is about all writes of its connection.
        setImmediate(() => {
          this.waits.delete(session);
          const timeoutMs = String(Math.floor(options.answerTimeoutMs / 2));
          session.send(["WAIT", String(waitReplicas), timeoutMs]).then((count) => resolve(Number(count)), reject);
        });
      });
      this.waits.set(session, wait);
    }
    const count = await wait;
    if (count >= waitReplicas) return;
    throw new RedisLostError(`${count} of ${waitReplicas} replicas have confirmed the write in time`, true);
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
      if (state.identity !== this.identity || state.isReplica) session.end(new Error("the server is another one now"));
    } catch (thrown) {
      // That commands do not work is seen elsewhere; about Pub/Sub this says nothing.
      this.beatSentAtMs = undefined;
      // But the slot of the beat has gone to another server, and with it the beat: the next session has another one.
      if (redisErrorCode(thrown) === "MOVED")
        this.subscriber.connection.restart(new Error("the beat's slot has moved"));
    }
  }
}
