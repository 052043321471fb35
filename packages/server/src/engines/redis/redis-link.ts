import type { Script } from "./scripts/script.js";
import type { Argument } from "./session.js";

/** A Redis of any form: one server, the master that Sentinels know, or a Cluster. */
export interface RedisLink {
  /**
   * Run a script on the server that has `keys`, which are all in one slot. `isDurable`: it counts only when as many replicas
   * have what it wrote as the configuration asks for.
   *
   * @throws ErrorReply; RedisLostError.
   */
  run(script: Script, keys: readonly string[], args: readonly Argument[], isDurable?: boolean): Promise<unknown>;
  /** As `run`, for a command with one key. */
  send(key: string, args: readonly Argument[]): Promise<unknown>;
  /** Resolves once everything published from now on will be heard. @throws RedisLostError, ErrorReply. */
  subscribe(channel: string): Promise<void>;
  unsubscribe(channel: string): void;
  /** The memory that Redis uses, over all masters, in bytes; undefined: this user may not ask. @throws RedisLostError, ErrorReply */
  usedBytes(): Promise<number | undefined>;
  /** What is wrong with one of the two paths, commands and Pub/Sub; undefined: nothing. */
  trouble(): string | undefined;
  close(): void;
}

/** What a link tells those who use it. */
export interface LinkEvents {
  heard(channel: string, message: Buffer): void;
  /** Something may have been missed on these channels; from now on everything is heard again. */
  interrupted(channels: Iterable<string>): void;
}
