import { ConfabError } from "@confab/contract";
import { type Clock, type Revocation, type RevocationLog, RevocationSet, revocationKey } from "../../core/index.js";
import type { Keys } from "./keys.js";
import { RedisLostError } from "./redis-error.js";
import type { RedisLink } from "./redis-link.js";
import { script } from "./scripts/script.js";

/** How often a node asks whether another one has revoked something, in milliseconds. */
const pollIntervalMs = 400;

/** The field of the hash that changes with it. Every other field is what a revocation is about, and has a blank in its name. */
const versionField = "version";

/** A script's reply is a list of fields and values, whatever the version of the protocol. */
const readAll = script(`#!lua flags=no-writes
return redis.call('HGETALL', KEYS[1])
`);

/** Fields and values to set, after the number of fields to remove and these. */
const change = script(`#!lua
local removed = tonumber(ARGV[1])
for at = 2, removed + 1 do redis.call('HDEL', KEYS[1], ARGV[at]) end
for at = removed + 2, #ARGV, 2 do redis.call('HSET', KEYS[1], ARGV[at], ARGV[at + 1]) end
return redis.call('HINCRBY', KEYS[1], 'version', 1)
`);

export interface SharedRevocationsDeps {
  readonly link: RedisLink;
  readonly keys: Keys;
  readonly clock: Clock;
}

/**
 * Revocations in Redis, which every node asks for: a message could be lost, and a node that received nothing would not know
 * it. What a node has seen it keeps, and gives back to a Redis that lost it.
 */
export class SharedRevocations implements RevocationLog {
  private readonly set = new RevocationSet();
  private version: string | undefined;
  private heardAtMs: number;
  private changed: () => void = () => undefined;
  private timer: NodeJS.Timeout | undefined;

  constructor(private readonly deps: SharedRevocationsDeps) {
    this.heardAtMs = deps.clock.monotonicMs();
  }

  all(): readonly Revocation[] {
    return this.set.all();
  }

  async watch(changed: () => void): Promise<void> {
    try {
      await this.poll();
    } catch (cause) {
      throw new ConfabError("ENGINE_UNAVAILABLE", "what was revoked cannot be read from Redis", { cause });
    }
    this.changed = changed;
    this.schedule();
  }

  async add(revocation: Revocation): Promise<void> {
    const { clock } = this.deps;
    const joined = this.set.joined(revocation);
    if (!joined) return;
    const expired = this.set.expired(clock.nowMs());
    try {
      await this.store([joined], expired);
    } catch (thrown) {
      if (!(thrown instanceof RedisLostError)) throw thrown;
      throw new ConfabError("OUTCOME_UNKNOWN", "the revocation may not have been stored: send it again", {
        cause: thrown,
      });
    }
    for (const old of expired) this.set.delete(old);
    if (this.set.add(joined)) this.changed();
  }

  staleMs(): number {
    return this.deps.clock.monotonicMs() - this.heardAtMs;
  }

  close(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.schedule = () => undefined;
  }

  private schedule = (): void => {
    this.timer = setTimeout(() => {
      // A Redis that is away is reported by the link, and by `staleMs`.
      this.poll()
        .catch(() => undefined)
        .finally(() => this.schedule());
    }, pollIntervalMs).unref();
  };

  private async poll(): Promise<void> {
    const { link, keys, clock } = this.deps;
    const askedAtMs = clock.monotonicMs();
    const version = await link.send(keys.revocations, ["HGET", keys.revocations, versionField]);
    if (String(version) !== this.version) await this.read();
    this.heardAtMs = askedAtMs;
  }

  private async read(): Promise<void> {
    const { link, keys, clock } = this.deps;
    const fields = fieldsOf(await link.run(readAll, [keys.revocations], []));
    let isChanged = false;
    for (const [field, value] of fields) {
      if (field !== versionField && this.set.add(JSON.parse(value) as Revocation)) isChanged = true;
    }
    // Also where this node knows more than Redis does: the readers of the next version know it then.
    const nowMs = clock.nowMs();
    const lost = this.set.all().filter((each) => !fields.has(revocationKey(each)) && each.untilMs > nowMs);
    if (lost.length > 0) await this.store(lost, []);
    this.version = fields.get(versionField) ?? String(null);
    if (isChanged) this.changed();
  }

  private async store(added: readonly Revocation[], removed: readonly Revocation[]): Promise<void> {
    const { link, keys } = this.deps;
    const args = [
      String(removed.length),
      ...removed.map(revocationKey),
      ...added.flatMap((each) => [revocationKey(each), JSON.stringify(each)]),
    ];
    await link.run(change, [keys.revocations], args, true);
  }
}

function fieldsOf(reply: unknown): ReadonlyMap<string, string> {
  const list = Array.isArray(reply) ? reply.map(String) : [];
  return new Map(list.flatMap((field, at) => (at % 2 === 0 ? [[field, list[at + 1] ?? ""] as const] : [])));
}
