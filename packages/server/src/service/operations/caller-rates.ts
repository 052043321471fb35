import type { ConfabError, Limits } from "@confab/contract";
import type { Share } from "../../work/index.js";
import { type Caller, charged } from "./caller.js";
import { countedAddress } from "./counted-address.js";
import { KnownRooms } from "./known-rooms.js";
import type { RateName } from "./rate-ledger.js";
import { type GiveBack, type SentAmount, SubjectRates } from "./subject-rates.js";

/** What reading needs of a share. */
export type ReadingShare = Pick<Share, "begin" | "spend"> & { readonly caller?: object };

/**
 * Bounds what one caller may do in a time: by its verified user, and by its address. A caller without a verified user, or on
 * this machine, is not counted by it. Everything is asked of both before anything is spent.
 */
export class CallerRates {
  private readonly users: SubjectRates;
  private readonly addresses: SubjectRates;
  /** A send to one of them need not reserve a room. */
  readonly knownRooms: KnownRooms;

  constructor(
    private readonly nowMs: () => number,
    limits: Limits,
  ) {
    this.users = new SubjectRates("user", limits);
    this.addresses = new SubjectRates("address", limits);
    this.knownRooms = new KnownRooms(nowMs);
  }

  /** Count something before it is done. @throws RATE_LIMITED: it must not be done; the error says how long to wait. */
  take(caller: Caller, name: RateName, amount: number): void {
    const refusal = this.refusal(caller, name, amount);
    if (refusal) throw charged(caller, refusal);
    this.spend(caller, name, amount);
  }

  /** Count what is sent together before it is sent. @throws RATE_LIMITED: it must not be sent, and nothing of it is counted. */
  takeSend(caller: Caller, amount: SentAmount): void {
    const { user } = caller.principal;
    const { remoteAddress } = caller;
    const address = countedAddress(remoteAddress);
    const nowMs = this.nowMs();
    const refusal =
      (user === undefined ? undefined : this.users.sendRefusal(user, amount, nowMs)) ??
      (address === undefined ? undefined : this.addresses.sendRefusal(address, amount, nowMs));
    if (refusal) throw charged(caller, refusal);
    if (user !== undefined) this.users.spendSend(user, amount, nowMs);
    if (address !== undefined) this.addresses.spendSend(address, amount, nowMs);
  }

  /** Why the caller may not do so much more now; undefined when it may: RATE_LIMITED. */
  refusal({ principal: { user }, remoteAddress }: Caller, name: RateName, amount: number): ConfabError | undefined {
    const address = countedAddress(remoteAddress);
    const nowMs = this.nowMs();
    return (
      (user === undefined ? undefined : this.users.refusal(user, name, amount, nowMs)) ??
      (address === undefined ? undefined : this.addresses.refusal(address, name, amount, nowMs))
    );
  }

  /** Count one of something that may turn out not to be needed. */
  reserve({ principal: { user }, remoteAddress }: Caller, name: RateName): GiveBack {
    const address = countedAddress(remoteAddress);
    const nowMs = this.nowMs();
    // The caller may have another principal by then: what was taken is given back, and nothing else.
    const ofUser = user === undefined ? undefined : this.users.reserve(user, name, nowMs);
    const ofAddress = address === undefined ? undefined : this.addresses.reserve(address, name, nowMs);
    return () => {
      ofUser?.();
      ofAddress?.();
    };
  }

  /** The caller's share, which also counts what is read. @throws RATE_LIMITED: it has read too much. */
  reading(caller: Caller): ReadingShare {
    const refusal = this.refusal(caller, "units", 0);
    if (refusal) throw charged(caller, refusal);
    const { share } = caller;
    return {
      caller: share,
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

  private spend({ principal: { user }, remoteAddress }: Caller, name: RateName, amount: number): void {
    const address = countedAddress(remoteAddress);
    const nowMs = this.nowMs();
    if (user !== undefined) this.users.spend(user, name, amount, nowMs);
    if (address !== undefined) this.addresses.spend(address, name, amount, nowMs);
  }
}
