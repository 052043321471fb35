import { ConfabError, type LimitName, type Limits } from "@confab/contract";
import { type Rate, RateLedger, type RateName, rateNames } from "./rate-ledger.js";

/** Gives back what was reserved. Once. */
export type GiveBack = () => void;

const second = 1_000;
const hour = 3_600_000;

/** What is sent together. */
export interface SentAmount {
  readonly messages: number;
  /** Of texts and payloads. */
  readonly bytes: number;
}

/** A limit, and how it is read: by a property that is written out, which is many times as fast as one that is named at run time. */
type LimitOf = readonly [name: LimitName, read: (limits: Limits) => number];

const limitsOf: Readonly<Record<"user" | "address", Readonly<Record<RateName, LimitOf>>>> = {
  user: {
    sends: ["maxSendsPerSecondByUser", (limits) => limits.maxSendsPerSecondByUser],
    bytes: ["maxSentBytesPerSecondByUser", (limits) => limits.maxSentBytesPerSecondByUser],
    signals: ["maxSignalsPerSecondByUser", (limits) => limits.maxSignalsPerSecondByUser],
    units: ["maxReadUnitsPerSecondByUser", (limits) => limits.maxReadUnitsPerSecondByUser],
    rooms: ["maxRoomsCreatedPerHourByUser", (limits) => limits.maxRoomsCreatedPerHourByUser],
  },
  address: {
    sends: ["maxSendsPerSecondByAddress", (limits) => limits.maxSendsPerSecondByAddress],
    bytes: ["maxSentBytesPerSecondByAddress", (limits) => limits.maxSentBytesPerSecondByAddress],
    signals: ["maxSignalsPerSecondByAddress", (limits) => limits.maxSignalsPerSecondByAddress],
    units: ["maxReadUnitsPerSecondByAddress", (limits) => limits.maxReadUnitsPerSecondByAddress],
    rooms: ["maxRoomsCreatedPerHourByAddress", (limits) => limits.maxRoomsCreatedPerHourByAddress],
  },
};

/** A rate whose amount is a limit, which may change while the server runs. */
class LimitRate implements Rate {
  readonly index: number;
  readonly perMs: number;

  constructor(
    readonly name: RateName,
    private readonly limitOf: LimitOf,
    private readonly limits: Limits,
  ) {
    this.index = rateNames.indexOf(name);
    this.perMs = name === "rooms" ? hour : second;
  }

  get limit(): LimitName {
    return this.limitOf[0];
  }

  get amount(): number {
    return this.limitOf[1](this.limits);
  }
}

/**
 * The rates of all users, or those of all addresses. It is asked for each message: a user or an address is looked up by its
 * own text, and nothing is made for a question.
 */
export class SubjectRates {
  private readonly ledger = new RateLedger();
  private readonly rates: Readonly<Record<RateName, LimitRate>>;

  constructor(
    private readonly kind: "user" | "address",
    limits: Limits,
  ) {
    const rate = (name: RateName) => new LimitRate(name, limitsOf[kind][name], limits);
    this.rates = {
      sends: rate("sends"),
      bytes: rate("bytes"),
      signals: rate("signals"),
      units: rate("units"),
      rooms: rate("rooms"),
    };
  }

  /** Why so much more may not be done now: RATE_LIMITED, which says how long to wait; undefined when it may. */
  refusal(subject: string, name: RateName, amount: number, nowMs: number): ConfabError | undefined {
    const rate = this.rates[name];
    const waitMs = this.ledger.find(subject)?.waitMs(rate, amount, nowMs) ?? 0;
    return waitMs > 0 ? this.refused(subject, rate, waitMs) : undefined;
  }

  spend(subject: string, name: RateName, amount: number, nowMs: number): void {
    this.ledger.open(subject, nowMs).spend(this.rates[name], amount, nowMs);
  }

  /** Of one message, or of several that are sent together. */
  sendRefusal(subject: string, { messages, bytes }: SentAmount, nowMs: number): ConfabError | undefined {
    const account = this.ledger.find(subject);
    if (!account) return undefined;
    const { sends, bytes: sentBytes } = this.rates;
    const sendsMs = account.waitMs(sends, messages, nowMs);
    if (sendsMs > 0) return this.refused(subject, sends, sendsMs);
    const bytesMs = account.waitMs(sentBytes, bytes, nowMs);
    return bytesMs > 0 ? this.refused(subject, sentBytes, bytesMs) : undefined;
  }

  spendSend(subject: string, { messages, bytes }: SentAmount, nowMs: number): void {
    const account = this.ledger.open(subject, nowMs);
    account.spend(this.rates.sends, messages, nowMs);
    account.spend(this.rates.bytes, bytes, nowMs);
  }

  reserve(subject: string, name: RateName, nowMs: number): GiveBack {
    const rate = this.rates[name];
    const account = this.ledger.open(subject, nowMs);
    const spentMs = account.spend(rate, 1, nowMs);
    return () => account.giveBack(rate, spentMs);
  }

  private refused(subject: string, { name, limit, amount }: LimitRate, retryAfterMs: number): ConfabError {
    const text = `${this.kind} ${subject} has used up its ${texts[name]}; ${limit} is ${amount}`;
    return new ConfabError("RATE_LIMITED", text, { retryAfterMs });
  }
}

const texts: Readonly<Record<RateName, string>> = {
  sends: "sends",
  bytes: "bytes to send",
  signals: "signals",
  units: "cost units to read",
  rooms: "rooms to create",
};
