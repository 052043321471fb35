import { createClient, RESP_TYPES } from "@redis/client";
import { RedisLostError, redisErrorCode } from "./redis-error.js";
import type { Script } from "./scripts/script.js";
import { type Address, describeAddress } from "./url.js";

export type Argument = string | Buffer;

export interface SessionOptions {
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly database: number;
  readonly isTls: boolean;
  /** For a connection to be ready, and after that for each answer. A server that needs longer is taken for gone. */
  readonly answerTimeoutMs: number;
}

type Client = ReturnType<typeof clientFor>;

/** Strings come as bytes: bodies are not text. */
const asBytes = { typeMapping: { [RESP_TYPES.BLOB_STRING]: Buffer } };

function clientFor({ host, port }: Address, options: SessionOptions) {
  const { username, password, database, isTls, answerTimeoutMs } = options;
  return createClient({
    RESP: 3,
    socket: {
      host,
      port,
      ...(isTls && { tls: true as const }),
      // A session ends once. Whether there is another one, and where, is the Connection's to decide: what was on the way
      // must not be sent to a server of which nothing is known.
      reconnectStrategy: false,
      connectTimeout: answerTimeoutMs,
    },
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
    database,
    disableOfflineQueue: true,
    maintNotifications: "disabled",
  });
}

/** One connection to one server, from its handshake to its end. Commands are pipelined; replies come in their order. */
export class Session {
  /** When each unanswered command was sent, the oldest at `answered`. */
  private sentAt: number[] = [];
  private answered = 0;
  private endedBy: Error | undefined;
  private onEnd: ((cause: Error) => void) | undefined;
  private readonly watchdog: NodeJS.Timeout;

  private constructor(
    readonly address: Address,
    private readonly client: Client,
    private readonly answerTimeoutMs: number,
  ) {
    this.watchdog = setInterval(() => this.checkAnswers(), Math.max(10, answerTimeoutMs / 10));
    this.watchdog.unref();
  }

  /** @throws what the system, Redis (ErrorReply) or the time limit say. */
  static async open(address: Address, options: SessionOptions): Promise<Session> {
    const client = clientFor(address, options);
    const session = new Session(address, client, options.answerTimeoutMs);
    client.on("error", (error: Error) => session.end(error));
    client.on("terminated", (error: Error) => session.end(error));
    // A server that accepts and then says nothing (a stopped process) must not hold us up: its handshake has the same limit.
    const giveUp = setTimeout(() => client.destroy(), options.answerTimeoutMs);
    try {
      await client.connect();
    } catch (thrown) {
      session.end(thrown instanceof Error ? thrown : new Error(String(thrown)));
      throw redisErrorCode(thrown) !== undefined || isSystemError(thrown)
        ? thrown
        : new RedisLostError(`${describeAddress(address)} did not answer in ${options.answerTimeoutMs} ms`, false, {
            cause: thrown,
          });
    } finally {
      clearTimeout(giveUp);
    }
    return session;
  }

  /** Called once, when the session has ended for another reason than `close`; at once if it has already. */
  whenEnded(onEnd: (cause: Error) => void): void {
    if (this.endedBy) onEnd(this.endedBy);
    else this.onEnd = onEnd;
  }

  /** @throws ErrorReply; RedisLostError: the session ended first. */
  async send(args: readonly Argument[]): Promise<unknown> {
    if (this.endedBy) throw new RedisLostError("the connection has ended", false, { cause: this.endedBy });
    this.sentAt.push(performance.now());
    try {
      return await this.client.sendCommand(args as Argument[], asBytes);
    } catch (thrown) {
      if (redisErrorCode(thrown) !== undefined) throw thrown;
      throw new RedisLostError("the connection ended before the answer", true, { cause: thrown });
    } finally {
      this.countAnswer();
    }
  }

  /** Run a script that the server may or may not know yet. @throws as `send`. */
  async run(script: Script, keys: readonly string[], args: readonly Argument[]): Promise<unknown> {
    try {
      return await this.send(["EVALSHA", script.sha1, String(keys.length), ...keys, ...args]);
    } catch (thrown) {
      // Its cache of scripts was flushed, or it is another server since.
      if (redisErrorCode(thrown) === "NOSCRIPT") return this.evaluate(script, keys, args);
      throw thrown;
    }
  }

  /** As `run`, in one command whatever the server knows. */
  evaluate({ source }: Script, keys: readonly string[], args: readonly Argument[]): Promise<unknown> {
    return this.send(["EVAL", source, String(keys.length), ...keys, ...args]);
  }

  /** Resolves once the server has confirmed it. A session that subscribes does nothing else. */
  async subscribe(channel: string, heard: (message: Buffer, channel: Buffer) => void): Promise<void> {
    if (this.endedBy) throw new RedisLostError("the connection has ended", false, { cause: this.endedBy });
    this.sentAt.push(performance.now());
    try {
      await this.client.sSubscribe(channel, heard, true);
    } finally {
      this.countAnswer();
    }
  }

  /** As `subscribe`: resolves once the server has confirmed it. */
  async unsubscribe(channel: string): Promise<void> {
    if (this.endedBy) throw new RedisLostError("the connection has ended", false, { cause: this.endedBy });
    this.sentAt.push(performance.now());
    try {
      await this.client.sUnsubscribe(channel);
    } finally {
      this.countAnswer();
    }
  }

  /** The server has stopped to bring a channel, since another one has its slot now. */
  whenMoved(moved: (channel: string) => void): void {
    this.client.on("sharded-channel-moved", moved);
  }

  /** End it without telling `whenEnded`. Commands on the way are lost. */
  close(): void {
    this.onEnd = undefined;
    this.end(new Error("closed"));
  }

  /** End it as if it had broken. */
  end(cause: Error): void {
    if (this.endedBy) return;
    this.endedBy = cause;
    clearInterval(this.watchdog);
    this.client.destroy();
    const { onEnd } = this;
    this.onEnd = undefined;
    onEnd?.(cause);
  }

  private countAnswer(): void {
    this.answered++;
    if (this.answered < this.sentAt.length) return;
    this.sentAt = [];
    this.answered = 0;
  }

  private checkAnswers(): void {
    const oldest = this.sentAt[this.answered];
    if (oldest === undefined || performance.now() - oldest < this.answerTimeoutMs) return;
    this.end(new Error(`${describeAddress(this.address)} did not answer in ${this.answerTimeoutMs} ms`));
  }
}

function isSystemError(thrown: unknown): boolean {
  return thrown instanceof Error && "code" in thrown;
}
