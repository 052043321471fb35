import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { fanoutRows, runRow } from "@confab/lab/testing/run-row";
import { requirePart } from "../optional-parts.js";

/** Servers that are programs of the machine; the others come with npm, or are Confab. */
const programs = ["nchan", "mosquitto", "nats"] as const;

describe("every server of the bench does the job that it is measured at", () => {
  for (const row of fanoutRows) {
    it(`${row.label} (${row.target}) delivers each message once, in order, with its cost counted`, async (t) => {
      const program = programs.find((name) => name === row.target);
      if (program !== undefined && requirePart(t, program) === undefined) return;
      const figures = await runRow(row);
      // On a busy machine the last message may be late, but not lost; holes and repeats fail the run itself.
      assert.ok((figures.deliveredShare ?? 0) > 0.5, JSON.stringify(figures));
      assert.ok((figures.bytesPerDelivery ?? 0) > 100, JSON.stringify(figures));
      assert.ok((figures.serverCoreShare ?? -1) >= 0);
    });
  }
});
