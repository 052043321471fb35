import { RedisLostError, redisErrorCode } from "./redis-error.js";
import { script } from "./scripts/script.js";
import { serverState } from "./server-state.js";
import type { Session } from "./session.js";
import { RedisStartError } from "./start-errors.js";
import { describeTarget, type RedisTarget } from "./url.js";

/** Sharded Pub/Sub and the flags of scripts came with 7.0 (redis.io, release notes of 7.0). */
const oldestVersion = "7.0";

/** What the engine does with a key and a channel, on ones of its own. */
const probeScript = script(`#!lua
redis.call('SET', KEYS[1], '1', 'PX', 10000)
redis.call('SPUBLISH', KEYS[1], '')
return redis.call('GET', KEYS[1])
`);

/** @throws RedisStartError: too old, or not allowed what the engine needs; RedisLostError, ErrorReply. */
export async function checkServer(session: Session, probeKey: string): Promise<void> {
  const { version } = await serverState(session);
  if (version !== undefined && Number.parseFloat(version) < Number(oldestVersion)) {
    throw new RedisStartError(`it is version ${version}; ${oldestVersion} or later is needed`);
  }
  try {
    await session.run(probeScript, [probeKey], []);
  } catch (thrown) {
    const code = redisErrorCode(thrown);
    // The slot of this key is moving to another master. The user may run scripts, which is what is tried here.
    if (code === "ASK") return;
    if (code !== "NOPERM") throw thrown;
    throw new RedisStartError(
      `this user may not run scripts on keys and channels of the prefix: ${text(thrown)}; see the README for the rights that are needed`,
      { cause: thrown },
    );
  }
}

/** What stood in the way of the first connection, for an operator. */
export function startErrorFrom(thrown: unknown, target: RedisTarget): Error {
  const where = describeTarget(target);
  if (thrown instanceof RedisStartError) return new RedisStartError(`${where}: ${thrown.message}`, { cause: thrown });
  const why = reason(thrown);
  if (why === undefined) return thrown instanceof Error ? thrown : new Error(String(thrown));
  return new RedisStartError(`${where}: ${why}`, { cause: thrown });
}

function reason(thrown: unknown): string | undefined {
  const code = redisErrorCode(thrown);
  switch (code) {
    case "WRONGPASS":
      return "the user or password is wrong";
    case "NOAUTH":
      return "it asks for a password; give it in the URL: redis://:password@host";
    case "NOPERM":
      return `this user may not do what is needed: ${text(thrown)}`;
    case undefined:
      break;
    default:
      return `it answered: ${text(thrown)}`;
  }
  if (thrown instanceof RedisLostError) return thrown.message;
  const system = thrown instanceof Error && "code" in thrown ? String(thrown.code) : undefined;
  switch (system) {
    case undefined:
      return undefined;
    case "ECONNREFUSED":
      return "nothing listens there (ECONNREFUSED)";
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return `there is no such host (${system})`;
    default:
      return `it cannot be reached (${system}: ${text(thrown)})`;
  }
}

function text(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
