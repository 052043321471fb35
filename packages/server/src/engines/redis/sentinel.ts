import { RedisLostError } from "./redis-error.js";
import { Session, type SessionOptions } from "./session.js";
import { type Address, describeTarget, type RedisTarget } from "./url.js";

/**
 * Where the master is now, by the first Sentinel that knows.
 *
 * A Sentinel may know less than the others for a moment; that what it names is a master is seen when it is connected to.
 *
 * @throws RedisLostError: none of them knows.
 */
export async function locateMaster(target: RedisTarget, options: SessionOptions): Promise<Address> {
  const sentinelOptions = { ...options, username: undefined, password: target.sentinelPassword, database: 0 };
  let lastFailure: unknown;
  for (const address of target.addresses) {
    try {
      const master = await askSentinel(address, target.masterName, sentinelOptions);
      if (master) return master;
    } catch (thrown) {
      lastFailure = thrown;
    }
  }
  const why = lastFailure instanceof Error ? lastFailure.message : "they know no such master";
  throw new RedisLostError(`${describeTarget(target)} cannot be found: ${why}`, false, { cause: lastFailure });
}

async function askSentinel(address: Address, name: string, options: SessionOptions): Promise<Address | undefined> {
  const session = await Session.open(address, options);
  try {
    const reply = await session.send(["SENTINEL", "GET-MASTER-ADDR-BY-NAME", name]);
    return Array.isArray(reply) ? { host: String(reply[0]), port: Number(String(reply[1])) } : undefined;
  } finally {
    session.close();
  }
}
