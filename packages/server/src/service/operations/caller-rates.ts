import { ConfabError, type LimitName, type Limits } from "@confab/contract";
import type { Share } from "../../work/index.js";
import type { Caller } from "./caller.js";
import type { Rate, RateLedger, RateName } from "./rate-ledger.js";

/** What reading needs of a share. */
export type ReadingShare = Pick<Share, "begin" | "spend">;

interface Bounds {
  readonly user: LimitName;
  readonly address: LimitName;
  readonly perMs: number;
}

const second = 1_000;
const hour = 3_600_000;

const bounds: Readonly<Record<RateName, Bounds>> = {
  sends: { user: "maxSendsPerSecondByUser", address: "maxSendsPerSecondByAddress", perMs: second },
  bytes: { user: "maxSentBytesPerSecondByUser", address: "maxSentBytesPerSecondByAddress", perMs: second },
  signals: { user: "maxSignalsPerSecondByUser", address: "maxSignalsPerSecondByAddress", perMs: second },
  units: { user: "maxReadUnitsPerSecondByUser", address: "maxReadUnitsPerSecondByAddress", perMs: second },
  rooms: { user: "maxRoomsCreatedPerHourByUser", address: "maxRoomsCreatedPerHourByAddress", perMs: hour },
};

/**
 * Bounds what one caller may do in a time: by its verified user, and by its address. A caller without a verified user, or on
 * this machine, is not counted by it.
 */
export class CallerRates {
  constructor(
    private readonly ledger: RateLedger,
    private readonly limits: Limits,
  ) {}

  /** Count something before it is done. @throws RATE_LIMITED: it must not be done; the error says how long to wait. */
  take(caller: Caller, name: RateName, amount: number): void {
    this.refuse(caller, name, amount);
    this.spend(caller, name, amount);
  }

  /** @throws RATE_LIMITED: what this caller did before is still counted. */
  refuse(caller: Caller, name: RateName, amount = 0): void {
    const { user, address } = subjectsOf(caller);
    if (user !== undefined) this.refuseSubject(user, name, bounds[name].user, amount);
    if (address !== undefined) this.refuseSubject(address, name, bounds[name].address, amount);
  }

  /** Whether `refuse` would refuse. */
  isSpent(caller: Caller, name: RateName): boolean {
    const { user, address } = subjectsOf(caller);
    const waitMs = (subject: string | undefined, limit: LimitName) =>
      subject === undefined ? 0 : this.ledger.waitMs(subject, name, this.rate(name, limit), 1);
    return waitMs(user, bounds[name].user) > 0 || waitMs(address, bounds[name].address) > 0;
  }

  /** The caller's share, which also counts what is read. @throws RATE_LIMITED: it has read too much. */
  reading(caller: Caller): ReadingShare {
    this.refuse(caller, "units");
    const { share } = caller;
    return {
      begin: (units) => {
        this.spend(caller, "units", units);
        return share.begin(units);
      },
      spend: (units) => {
        this.spend(caller, "units", units);
        share.spend(units);
      },
    };
  }

  /** Count something that was done. */
  spend(caller: Caller, name: RateName, amount: number): void {
    const { user, address } = subjectsOf(caller);
    if (user !== undefined) this.ledger.spend(user, name, this.rate(name, bounds[name].user), amount);
    if (address !== undefined) this.ledger.spend(address, name, this.rate(name, bounds[name].address), amount);
  }

  private refuseSubject(subject: string, name: RateName, limit: LimitName, amount: number): void {
    const waitMs = this.ledger.waitMs(subject, name, this.rate(name, limit), amount);
    if (waitMs > 0) throw rateLimited(name, subject, `${limit} is ${this.limits[limit]}`, waitMs);
  }

  private rate(name: RateName, limit: LimitName): Rate {
    return { amount: this.limits[limit], perMs: bounds[name].perMs };
  }
}

export function rateLimited(name: RateName, subject: string, limit: string, retryAfterMs: number): ConfabError {
  return new ConfabError("RATE_LIMITED", `${subject} has used up its ${texts[name]}; ${limit}`, { retryAfterMs });
}

const texts: Readonly<Record<RateName, string>> = {
  sends: "sends",
  bytes: "bytes to send",
  signals: "signals",
  units: "cost units to read",
  rooms: "rooms to create",
};

/** What a caller is counted as. */
function subjectsOf({ principal, remoteAddress }: Caller): {
  readonly user: string | undefined;
  readonly address: string | undefined;
} {
  const { user } = principal;
  return {
    user: user === undefined ? undefined : `user ${user}`,
    address: isOfThisMachine(remoteAddress) ? undefined : `address ${remoteAddress}`,
  };
}

/** A proxy on this machine may carry all callers. */
function isOfThisMachine(address: string): boolean {
  return address === "" || address === "::1" || address.startsWith("127.") || address.startsWith("::ffff:127.");
}
