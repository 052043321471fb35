import { ConfabError } from "@confab/contract";
import {
  type Clock,
  isOver,
  joinedRevocation,
  KnownRevocations,
  type Revocation,
  type RevocationChange,
  type RevocationLog,
  revocationKey,
} from "../../core/index.js";
import type { Keys } from "./keys.js";
import { confabErrorFromRedis, RedisLostError } from "./redis-error.js";
import type { RedisLink } from "./redis-link.js";
import { script } from "./scripts/script.js";

/** How often a node asks whether another one has revoked something, in milliseconds. */
const pollIntervalMs = 400;

/** Revocations that are removed together with one that is added: Redis does nothing else meanwhile. */
const maxRemovals = 1_000;

/** The field of the hash that changes with it. Every other field is what a revocation is about, and has a blank in its name. */
const versionField = "version";

/** A script's reply is a list of fields and values, whatever the version of the protocol. */
const readAll = script(`#!lua flags=no-writes
return redis.call('HGETALL', KEYS[1])
`);

/**
 * Join revocations with what is there, and remove what is over. Nodes do this at the same time, so what is kept is decided
 * here: the later times win, and only what is over in Redis is removed.
 *
 *     now, number of fields to remove, these, then for each revocation: field, beginning of its JSON, issuedBeforeMs, untilMs
 *
 * A full Redis runs it (`allow-oom`): a token leaks when it leaks, and a revocation is small. The JSON is put together here
 * since `cjson.encode` writes 14 digits of a number, and a time may have 15.
 */
const change = script(`#!lua flags=allow-oom
local function known(field)
  local json = redis.call('HGET', KEYS[1], field)
  return json and cjson.decode(json)
end
local changes = 0
local removed = tonumber(ARGV[2])
for at = 3, removed + 2 do
  local old = known(ARGV[at])
  if old and old.untilMs <= tonumber(ARGV[1]) then changes = changes + redis.call('HDEL', KEYS[1], ARGV[at]) end
end
for at = removed + 3, #ARGV, 4 do
  local issued, till = tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3])
  local old = known(ARGV[at])
  if not old or issued > old.issuedBeforeMs or till > old.untilMs then
    if old then issued, till = math.max(issued, old.issuedBeforeMs), math.max(till, old.untilMs) end
    local times = string.format('"issuedBeforeMs":%.0f,"untilMs":%.0f}', issued, till)
    redis.call('HSET', KEYS[1], ARGV[at], ARGV[at + 1] .. times)
    changes = changes + 1
  end
end
if changes > 0 then redis.call('HINCRBY', KEYS[1], 'version', 1) end
return changes
`);

export interface SharedRevocationsDeps {
  readonly link: RedisLink;
  readonly keys: Keys;
  readonly clock: Clock;
}

/**
 * Revocations in Redis, which every node asks for: a message could be lost, and a node that received nothing would not know
 * it. What a node has seen it keeps, and gives back to a Redis that lost it. One that is added here counts here from the call
 * on: a Redis that is away is given it when it is back.
 */
export class SharedRevocations extends KnownRevocations implements RevocationLog {
  private version: string | undefined;
  private heardAtMs: number;
  /** Keys of what is over in Redis too, as of the last reading: the next revocation on this node removes some there. */
  private readonly forgotten = new Set<string>();
  /** Keys of what was added here and is not known to be in Redis. */
  private readonly unstored = new Set<string>();
  private changed: (change: RevocationChange) => void = () => undefined;
  private timer: NodeJS.Timeout | undefined;

  constructor(private readonly deps: SharedRevocationsDeps) {
    super();
    this.heardAtMs = deps.clock.monotonicMs();
  }

  count(nowMs: number): number {
    this.forgetExpired(nowMs);
    return this.set.size;
  }

  async watch(changed: (change: RevocationChange) => void): Promise<void> {
    try {
      await this.poll();
    } catch (cause) {
      throw new ConfabError("ENGINE_UNAVAILABLE", "what was revoked cannot be read from Redis", { cause });
    }
    this.changed = changed;
    this.schedule();
  }

  async add(revocation: Revocation): Promise<void> {
    this.forgetExpired(this.deps.clock.nowMs());
    const key = revocationKey(revocation);
    const added = this.set.add(revocation);
    if (added) {
      this.unstored.add(key);
      this.changed({ added: [added], removed: [] });
    }
    const kept = this.set.get(key);
    if (!kept || !this.unstored.has(key)) return;
    try {
      await this.store([kept]);
    } catch (thrown) {
      // The next poll tries it again.
      const holds = "the revocation holds on this node, which goes on trying to store it";
      if (thrown instanceof RedisLostError)
        throw new ConfabError("OUTCOME_UNKNOWN", `Redis did not answer; ${holds}`, { cause: thrown });
      const { code, message, facts } = confabErrorFromRedis(thrown, true);
      throw new ConfabError(code, `${message}; ${holds}`, { ...facts, cause: thrown });
    }
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
    this.forgetExpired(clock.nowMs());
    const version = await link.send(keys.revocations, ["HGET", keys.revocations, versionField]);
    if (String(version) !== this.version) await this.read();
    this.heardAtMs = askedAtMs;
    // Behind that: while Redis takes no writes, this node still knows what the others revoked.
    const unstored = [...this.unstored].flatMap((key) => this.set.get(key) ?? []);
    if (unstored.length > 0) await this.store(unstored);
  }

  private async read(): Promise<void> {
    const { link, keys, clock } = this.deps;
    const fields = fieldsOf(await link.run(readAll, [keys.revocations], []));
    const version = fields.get(versionField) ?? String(null);
    fields.delete(versionField);
    const nowMs = clock.nowMs();
    const inRedis = new Map([...fields].map(([field, value]) => [field, JSON.parse(value) as Revocation]));
    const added: Revocation[] = [];
    this.forgotten.clear();
    for (const [key, revocation] of inRedis) {
      if (isOver(revocation, nowMs) && !this.set.get(key)) {
        this.forgotten.add(key);
        continue;
      }
      const joined = this.set.add(revocation);
      if (joined) added.push(joined);
    }
    if (added.length > 0) this.changed({ added, removed: [] });
    // What this node knows and Redis has lost, or has less of, the poll stores: the readers of the next version know it then.
    for (const each of this.set.all()) {
      const key = revocationKey(each);
      const stored = inRedis.get(key);
      if (!stored || joinedRevocation(stored, each) !== stored) this.unstored.add(key);
    }
    this.version = version;
  }

  private forgetExpired(nowMs: number): void {
    const removed = this.set.removeExpired(nowMs);
    if (removed.length === 0) return;
    for (const each of removed) {
      const key = revocationKey(each);
      this.unstored.delete(key);
      this.forgotten.add(key);
    }
    this.changed({ added: [], removed });
  }

  /** Store these, and remove what is over. */
  private async store(added: readonly Revocation[]): Promise<void> {
    const { link, keys, clock } = this.deps;
    const removed = [...this.forgotten].slice(0, maxRemovals);
    const args = [
      ...[String(clock.nowMs()), String(removed.length), ...removed],
      ...added.flatMap((each) => {
        const { tokenId, user, issuedBeforeMs, untilMs } = each;
        const beginning = `${JSON.stringify({ tokenId, user }).slice(0, -1)},`;
        return [revocationKey(each), beginning, String(issuedBeforeMs), String(untilMs)];
      }),
    ];
    await link.run(change, [keys.revocations], args, true);
    for (const key of removed) this.forgotten.delete(key);
    for (const each of added) {
      const key = revocationKey(each);
      if (this.set.get(key) === each) this.unstored.delete(key);
    }
  }
}

function fieldsOf(reply: unknown): Map<string, string> {
  const list = Array.isArray(reply) ? reply.map(String) : [];
  return new Map(list.flatMap((field, at) => (at % 2 === 0 ? [[field, list[at + 1] ?? ""] as const] : [])));
}
