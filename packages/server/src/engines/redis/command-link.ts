import { Connection } from "./connection.js";
import { RedisLostError, redisErrorCode } from "./redis-error.js";
import { type AskedReply, askedArguments, askedForm, askedReplyFrom } from "./scripts/asked-form.js";
import type { Script } from "./scripts/script.js";
import { serverState } from "./server-state.js";
import type { Argument, Session, SessionOptions } from "./session.js";
import type { Address } from "./url.js";

export interface CommandLinkDeps {
  readonly options: SessionOptions;
  /** Where the server is now. */
  readonly locate: () => Promise<Address>;
  /** A new connection for commands, before anything else uses it; `mayHaveLost`: the server may hold less than it did. */
  readonly connected: (session: Session, mayHaveLost: boolean) => Promise<void>;
  /** A connection has ended. Attempts to connect again follow. */
  readonly lost: (cause: Error) => void;
  /** A command has failed; its caller is told too. */
  readonly failed: (thrown: unknown) => void;
  /** Replicas that must have a write before it counts; 0: none. */
  readonly waitReplicas: number;
  readonly random: () => number;
}

/** The commands to one server. */
export class CommandLink {
  private readonly commands: Connection;
  /** Where WAIT holds up what follows it, writes have another connection. */
  private readonly writes: Connection;
  private lastIdentity: string | undefined;
  /** On the session to which they belong: one WAIT for all writes that were answered in one turn. */
  private readonly waits = new WeakMap<Session, Promise<number>>();

  constructor(private readonly deps: CommandLinkDeps) {
    const { options, locate, random, lost, waitReplicas } = deps;
    const shared = { options, locate, random };
    this.commands = new Connection({
      ...shared,
      purpose: "commands",
      prepare: (session) => this.prepare(session),
      lost,
    });
    this.writes =
      waitReplicas === 0
        ? this.commands
        : new Connection({
            ...shared,
            purpose: "writes",
            // Only where commands go already: there it was seen whether the server has lost something.
            prepare: async () => void (await this.commands.ready()),
            lost: () => undefined,
          });
  }

  /** @throws what stood in the way; nothing is tried again then. */
  async open(): Promise<void> {
    await this.commands.open();
    if (this.writes !== this.commands) await this.writes.open();
  }

  /** As `open`, but what fails is tried again until `close`. */
  openSoon(): void {
    for (const connection of this.connections) connection.openSoon();
  }

  /** What the server said of itself when this connected; undefined: it may not be asked. */
  get identity(): string | undefined {
    return this.lastIdentity;
  }

  /** The session for commands. @throws RedisLostError: there is none. */
  get current(): Session {
    return this.commands.current;
  }

  /** As `RedisLink.run`. */
  async run(script: Script, keys: readonly string[], args: readonly Argument[], isDurable: boolean): Promise<unknown> {
    return this.on(isDurable, (session) => session.run(script, keys, args));
  }

  /** As `run`, for keys whose slot is moving to this server, and of which the other server has none. */
  async runAsking(
    script: Script,
    keys: readonly string[],
    args: readonly Argument[],
    isDurable: boolean,
  ): Promise<AskedReply> {
    const [key, others] = askedArguments(keys, args);
    const replies = await this.on(isDurable, (session) =>
      asking(session, session.evaluate.bind(session, askedForm(script), key, others)),
    );
    return askedReplyFrom(replies);
  }

  async send(args: readonly Argument[]): Promise<unknown> {
    return this.on(false, (session) => session.send(args));
  }

  /** As `send`, for a key whose slot is moving to this server, and which the other server does not have. */
  async sendAsking(args: readonly Argument[]): Promise<unknown> {
    return this.on(false, (session) => asking(session, () => session.send(args)));
  }

  get trouble(): string | undefined {
    return this.connections.map(({ trouble }) => trouble).find((trouble) => trouble !== undefined);
  }

  close(): void {
    for (const connection of this.connections) connection.close();
  }

  private get connections(): readonly Connection[] {
    return [...new Set([this.commands, this.writes])];
  }

  private async on(isDurable: boolean, command: (session: Session) => Promise<unknown>): Promise<unknown> {
    const connection = isDurable ? this.writes : this.commands;
    const session = connection.isOpening ? await connection.ready() : connection.current;
    try {
      const reply = await command(session);
      if (isDurable && this.deps.waitReplicas > 0) await this.awaitReplicas(session);
      return reply;
    } catch (thrown) {
      this.deps.failed(thrown);
      // It was the master, and is a replica now: who the master is must be asked again.
      if (redisErrorCode(thrown) === "READONLY") session.end(new Error("the server is a replica now"));
      throw thrown;
    }
  }

  private async prepare(session: Session): Promise<void> {
    const { identity } = await serverState(session);
    await this.deps.connected(session, identity === undefined || identity !== this.lastIdentity);
    // Only now: had it failed, the next session would have to be looked at as this one.
    this.lastIdentity = identity;
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
}

/** Adjacent on the wire: ASKING holds for the next command alone. */
async function asking(session: Session, command: () => Promise<unknown>): Promise<unknown> {
  const [, reply] = await Promise.all([session.send(["ASKING"]), command()]);
  return reply;
}
