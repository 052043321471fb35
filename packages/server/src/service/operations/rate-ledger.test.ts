import assert from "node:assert/strict";
import { test } from "node:test";
import { LocalLedger } from "./rate-ledger.js";

const perSecond = (amount: number) => ({ amount, perMs: 1_000 });

function ledger() {
  const clock = { nowMs: 5_000 };
  return { clock, ledger: new LocalLedger(() => clock.nowMs) };
}

/** How many of `count` were granted. */
function granted(of: LocalLedger, count: number, rate = perSecond(10)): number {
  let total = 0;
  for (let index = 0; index < count; index++) {
    if (of.waitMs("user ann", "sends", rate, 1) > 0) continue;
    of.spend("user ann", "sends", rate, 1);
    total++;
  }
  return total;
}

test("a second's worth may come at once, and then as much as time earns", () => {
  const { clock, ledger: rates } = ledger();
  assert.equal(granted(rates, 50), 10);
  assert.equal(rates.waitMs("user ann", "sends", perSecond(10), 1), 100);
  clock.nowMs += 300;
  assert.equal(granted(rates, 50), 3);
  clock.nowMs += 60_000;
  assert.equal(granted(rates, 50), 10, "no more is saved up");
});

test("subjects and rates are counted apart", () => {
  const { ledger: rates } = ledger();
  granted(rates, 50);
  assert.equal(rates.waitMs("user bob", "sends", perSecond(10), 1), 0);
  assert.equal(rates.waitMs("user ann", "bytes", perSecond(10), 1), 0);
});

test("what is larger than the rate passes when nothing is owed, and is paid for afterwards", () => {
  const { clock, ledger: rates } = ledger();
  assert.equal(rates.waitMs("user ann", "bytes", perSecond(100), 1_000), 0);
  rates.spend("user ann", "bytes", perSecond(100), 1_000);
  assert.equal(rates.waitMs("user ann", "bytes", perSecond(100), 0), 9_000);
  clock.nowMs += 9_999;
  assert.equal(rates.waitMs("user ann", "bytes", perSecond(100), 1_000), 1);
  clock.nowMs += 1;
  assert.equal(rates.waitMs("user ann", "bytes", perSecond(100), 1_000), 0);
});

test("a subject that owes nothing is forgotten, and of too many the first", () => {
  const { clock, ledger: rates } = ledger();
  for (let index = 0; index < 1_000; index++) {
    rates.spend(`address ${index}`, "sends", perSecond(1_000), 1);
    clock.nowMs += 1;
  }
  assert.ok(rates.size <= 2, `${rates.size} are kept`);
  for (let index = 0; index < 100_500; index++)
    rates.spend(`address ${index}`, "rooms", { amount: 1, perMs: 3_600_000 }, 1);
  assert.equal(rates.size, 100_000);
  assert.equal(rates.waitMs("address 0", "rooms", { amount: 1, perMs: 3_600_000 }, 1), 0);
  assert.equal(rates.waitMs("address 100499", "rooms", { amount: 1, perMs: 3_600_000 }, 1), 3_600_000);
});
