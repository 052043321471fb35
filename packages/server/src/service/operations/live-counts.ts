import { ConfabError, type Limits } from "@confab/contract";
import type { Caller } from "./caller.js";
import { countedAddress } from "./counted-address.js";
import type { Principal } from "./principal.js";

/** What one connection or stream is counted as, until it is given back. Undefined: not counted by it. */
export interface CountedAs {
  readonly user: string | undefined;
  readonly address: string | undefined;
}

/** How many connections and streams each user and each address has now. Who has none takes no memory. */
export class LiveCounts {
  private readonly users = new Map<string, number>();
  private readonly addresses = new Map<string, number>();

  constructor(private readonly limits: Pick<Limits, "maxConnectionsByUser" | "maxConnectionsByAddress">) {}

  /** Why a user may have no more: TOO_MANY_CONNECTIONS. */
  tooManyOfUser({ user }: Principal): ConfabError | undefined {
    const { maxConnectionsByUser: most } = this.limits;
    if (user === undefined || (this.users.get(user) ?? 0) < most) return undefined;
    return tooMany(`user ${user}`, `maxConnectionsByUser is ${most}`);
  }

  /** Why an address may have no more: TOO_MANY_CONNECTIONS. */
  tooManyOfAddress(remoteAddress: string): ConfabError | undefined {
    const { maxConnectionsByAddress: most } = this.limits;
    const address = countedAddress(remoteAddress);
    if (address === undefined || (this.addresses.get(address) ?? 0) < most) return undefined;
    return tooMany(`address ${address}`, `maxConnectionsByAddress is ${most}`);
  }

  take({ principal: { user }, remoteAddress }: Caller): CountedAs {
    const address = countedAddress(remoteAddress);
    if (user !== undefined) add(this.users, user, 1);
    if (address !== undefined) add(this.addresses, address, 1);
    return { user, address };
  }

  giveBack({ user, address }: CountedAs): void {
    if (user !== undefined) add(this.users, user, -1);
    if (address !== undefined) add(this.addresses, address, -1);
  }
}

function add(counts: Map<string, number>, subject: string, change: 1 | -1): void {
  const count = (counts.get(subject) ?? 0) + change;
  if (count === 0) counts.delete(subject);
  else counts.set(subject, count);
}

function tooMany(subject: string, limit: string): ConfabError {
  const text = `${subject} has too many connections and streams; ${limit}`;
  return new ConfabError("TOO_MANY_CONNECTIONS", text, { retryAfterMs: 1_000 });
}
