import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type LimitName, limits } from "@confab/contract";
import { ConfigError, checkedLimits } from "./config.js";

describe("the limits of a configuration", () => {
  it("are the defaults where nothing is said", () => {
    assert.equal(checkedLimits({ maxRooms: 7 }).maxRooms, 7);
    assert.equal(checkedLimits({ maxRooms: 7 }).maxMessageBytes, limits.maxMessageBytes.fallback);
  });

  for (const [name, { min, max }] of Object.entries(limits)) {
    it(`${name} may be ${min} and ${max}, and nothing below, above or between whole numbers`, () => {
      const withValue = (value: number) => checkedLimits({ [name]: value })[name as LimitName];
      assert.equal(withValue(min), min);
      assert.equal(withValue(max), max);
      for (const value of [min - 1, max + 1, min + 0.5, Number.NaN]) {
        assert.throws(
          () => withValue(value),
          (error) => error instanceof ConfigError && error.message.startsWith(`${name} is ${value}`),
        );
      }
    });
  }

  it("must be ones that there are", () => {
    assert.throws(() => checkedLimits({ maxRumours: 1 } as object), /no limit called maxRumours/);
  });
});
