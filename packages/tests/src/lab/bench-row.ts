import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { fanoutRows, lowRateRows, runRow, startRows } from "@confab/lab/testing/run-row";
import { type PartName, requirePart } from "../optional-parts.js";

/** The parts of the peers that are programs of the machine. The others come from npm, or are Confab. */
const parts: Readonly<Record<string, PartName>> = {
  nchan: "nchan",
  mosquitto: "mosquitto",
  nats: "go-peers",
  centrifugo: "go-peers",
  "grpc-go": "go-peers",
  bun: "bun",
};

/** Measure each row once. */
export function benchRows(): void {
  describe("each server of the bench does the job that it is measured at", () => {
    for (const row of fanoutRows) {
      const part = parts[row.target];
      it(`${row.label} (${row.target}) delivers each message once, in order, with its cost counted`, async (t) => {
        if (part !== undefined && requirePart(t, part) === undefined) return;
        const figures = await runRow(row);
        // On a busy machine the last message may be late, but not lost; holes and repeats fail the run itself.
        assert.ok((figures.deliveredShare ?? 0) > 0.5, JSON.stringify(figures));
        assert.ok((figures.bytesPerDelivery ?? 0) > 100, JSON.stringify(figures));
        assert.ok((figures.serverCoreShare ?? -1) >= 0);
      });
    }
    for (const row of lowRateRows) {
      const part = parts[row.target];
      it(`${row.label} (${row.target}) takes messages one at a time, with its cost and latency counted`, async (t) => {
        if (part !== undefined && requirePart(t, part) === undefined) return;
        const figures = await runRow(row);
        assert.ok((figures.cpuUsPerMessage ?? 0) > 0, JSON.stringify(figures));
        assert.ok((figures.p50Us ?? 0) > 0, JSON.stringify(figures));
      });
    }
    for (const [index, row] of startRows.entries()) {
      it(`${row.label} starts on a log that it filled, number ${index + 1}, with the time counted`, async () => {
        const figures = await runRow(row);
        assert.ok((figures.startUs ?? 0) > 50_000, JSON.stringify(figures));
      });
    }
  });
}
