import assert from "node:assert/strict";
import { test } from "node:test";
import { type LimitName, limitsWith } from "@confab/contract";
import { rateNames } from "./rate-ledger.js";
import { SubjectRates } from "./subject-rates.js";

for (const kind of ["user", "address"] as const) {
  test(`each rate by ${kind} has a separate limit, and its value of this moment`, () => {
    const limits: { -readonly [name in LimitName]: number } = limitsWith();
    const rates = new SubjectRates(kind, limits);
    const said = (rate: (typeof rateNames)[number]) => {
      const [, limit = "", value] = /; (\w+) is (\d+)$/.exec(rates.refusal("kim", rate, 1, 0)?.message ?? "") ?? [];
      return { limit: limit as LimitName, value: Number(value) };
    };
    const names = rateNames.map((rate, index) => {
      rates.spend("kim", rate, 1e12, 0);
      const { limit, value } = said(rate);
      assert.equal(value, limits[limit]);
      limits[limit] = 20 + index;
      assert.deepEqual(said(rate), { limit, value: 20 + index });
      return limit;
    });
    assert.equal(new Set(names).size, rateNames.length);
  });
}
