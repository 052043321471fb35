import type { CommandLink } from "./command-link.js";
import type { EngineLog } from "./engine-log.js";
import { type Redirection, redirectionFrom } from "./redirection.js";
import { redisErrorCode } from "./redis-error.js";
import { type Address, describeAddress } from "./url.js";

export interface OpenSlotsDeps {
  /** What the servers ask each other for: they have the users that this node has. */
  readonly username: string | undefined;
  readonly password: string | undefined;
  /** How long the two servers may wait for each other, in milliseconds. */
  readonly timeoutMs: number;
  readonly log: EngineLog;
}

/** How long a line is not logged again, in milliseconds, and of how many lines that is known. */
const repeatMs = 60_000;
const maxToldLines = 1_000;

/**
 * Slots of a Cluster that are being moved (MIGRATING at one master, IMPORTING at the other).
 *
 * The scripts name several keys of a room, one of which never exists: its channel. So while the slot of a room is open, the
 * master that it is leaving refuses them: TRYAGAIN as long as it has some of the keys, ASK when it has none. This is
 * wanted. Were all keys there, a script would run and could fail halfway, as it may not make new keys there. A room whose
 * keys are all at the other master goes on there, and a script that finds none of them here may make them there.
 *
 * Therefore a room is moved as soon as it is used: MIGRATE of its keys, in one step for everything else at that master, as the
 * operator's own program does it. That program finds fewer keys then, which it takes as good.
 */
export class OpenSlots {
  /** When each line was logged last. */
  private readonly told = new Map<string, number>();

  constructor(private readonly deps: OpenSlotsDeps) {}

  /** A master has some of these keys, of one room. Resolves to whether it has none any more. Rejects as `send` does. */
  async move(source: CommandLink, keys: readonly string[]): Promise<boolean> {
    const target = await this.targetOf(source, keys[0] ?? "");
    if (!target) return false;
    const { slot, address } = target;
    const facts = { slot, from: describeAddress(source.current.address), to: describeAddress(address) };
    this.tell(
      "info",
      facts,
      "a slot of the Cluster is being moved; this node moves a room of it when the room is used",
    );
    try {
      await this.migrate(source, address, keys);
      return true;
    } catch (thrown) {
      if (redisErrorCode(thrown) === undefined) throw thrown;
      const reason = thrown instanceof Error ? thrown.message : "";
      const advice = "sends to rooms of this slot are refused until their keys are moved: see MIGRATE in the README";
      this.tell("warn", { ...facts, reason }, `keys of a room cannot be moved with its slot; ${advice}`);
      return false;
    }
  }

  /**
   * The masters keep their connection for ten seconds, and who was logged in there last: an operator's MIGRATE without a
   * password would run with the rights of this node's user. So the node's user is given only where one must be.
   */
  private async migrate(source: CommandLink, { host, port }: Address, keys: readonly string[]): Promise<void> {
    const { username, password, timeoutMs } = this.deps;
    const words = ["MIGRATE", host, String(port), "", "0", String(timeoutMs)];
    try {
      await source.send([...words, "KEYS", ...keys]);
    } catch (thrown) {
      if (password === undefined || !isRefusedThere(thrown)) throw thrown;
      const user = username === undefined ? ["AUTH"] : ["AUTH2", username];
      await source.send([...words, ...user, password, "KEYS", ...keys]);
    }
  }

  /** Undefined: the slot is not moving any more. A key that does not exist is where the slot moves to. */
  private async targetOf(source: CommandLink, key: string): Promise<Redirection | undefined> {
    const { address } = source.current;
    try {
      await source.send(["EXISTS", `${key}:?`]);
      return undefined;
    } catch (thrown) {
      const redirection = redirectionFrom(thrown, address);
      if (!redirection) throw thrown;
      return redirection.isForGood ? undefined : redirection;
    }
  }

  private tell(level: "info" | "warn", facts: object, line: string): void {
    const told = JSON.stringify([facts, line]);
    const nowMs = performance.now();
    if (nowMs - (this.told.get(told) ?? Number.NEGATIVE_INFINITY) < repeatMs) return;
    if (this.told.size >= maxToldLines) this.told.clear();
    this.told.set(told, nowMs);
    this.deps.log[level](facts, line);
  }
}

/** The other master asks for a password, or denies the rights: its own error is quoted (src/cluster.c, migrateCommand). */
function isRefusedThere(thrown: unknown): boolean {
  return thrown instanceof Error && /replied with error: (?:NOAUTH|NOPERM)\b/.test(thrown.message);
}
