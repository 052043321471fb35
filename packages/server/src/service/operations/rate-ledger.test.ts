import assert from "node:assert/strict";
import { test } from "node:test";
import { Account, type Rate, RateLedger, type RateName, rateNames } from "./rate-ledger.js";

const perSecond = (amount: number, name: RateName = "sends"): Rate => ({
  index: rateNames.indexOf(name),
  amount,
  perMs: 1_000,
});

/** How many of `count` were granted. */
function granted(account: Account, count: number, nowMs: number): number {
  let total = 0;
  for (let index = 0; index < count; index++) {
    if (account.waitMs(perSecond(10), 1, nowMs) > 0) continue;
    account.spend(perSecond(10), 1, nowMs);
    total++;
  }
  return total;
}

test("a second's worth may come at once, and then as much as time earns", () => {
  const account = new Account();
  assert.equal(granted(account, 50, 5_000), 10);
  assert.equal(account.waitMs(perSecond(10), 1, 5_000), 100);
  assert.equal(granted(account, 50, 5_300), 3);
  assert.equal(granted(account, 50, 65_300), 10, "no more is saved up");
});

test("rates are counted apart", () => {
  const account = new Account();
  granted(account, 50, 5_000);
  assert.equal(account.waitMs(perSecond(10, "bytes"), 1, 5_000), 0);
});

test("what is larger than the rate passes when nothing is owed, and is paid for afterwards", () => {
  const account = new Account();
  const bytes = perSecond(100, "bytes");
  assert.equal(account.waitMs(bytes, 1_000, 5_000), 0);
  account.spend(bytes, 1_000, 5_000);
  assert.equal(account.waitMs(bytes, 0, 5_000), 9_000);
  assert.equal(account.waitMs(bytes, 1_000, 14_999), 1);
  assert.equal(account.waitMs(bytes, 1_000, 15_000), 0);
});

test("what is given back is as if it had not been spent, however late and whatever else was spent", () => {
  const account = new Account();
  const rate = perSecond(2);
  const spentMs = account.spend(rate, 1, 5_000);
  account.spend(rate, 1, 5_000);
  assert.equal(account.waitMs(rate, 1, 5_000), 500);
  account.giveBack(rate, spentMs);
  assert.equal(account.waitMs(rate, 1, 5_000), 0);
  assert.equal(account.waitMs(rate, 2, 5_000), 500);
  const late = account.spend(rate, 1, 9_000);
  account.giveBack(rate, late);
  assert.equal(account.waitMs(rate, 2, 9_000), 0);
});

test("a subject that owes nothing is forgotten, and of too many the first", () => {
  const ledger = new RateLedger();
  for (let index = 0; index < 1_000; index++) ledger.open(`10.0.0.${index}`, index).spend(perSecond(1_000), 1, index);
  assert.ok(ledger.size <= 3, `${ledger.size} are kept`);
  const rooms: Rate = { ...perSecond(1, "rooms"), perMs: 3_600_000 };
  for (let index = 0; index < 100_500; index++) ledger.open(`10.1.0.${index}`, 5_000).spend(rooms, 1, 5_000);
  assert.equal(ledger.size, 100_000);
  assert.equal(ledger.find("10.1.0.0"), undefined);
  assert.equal(ledger.find("10.1.0.100499")?.waitMs(rooms, 1, 5_000), 3_600_000);
});
