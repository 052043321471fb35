import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Findings } from "../findings.js";
import { around, type Made, madeFindings, madeOptions } from "../testing/made-findings.js";
import { type Need, recommend } from "./recommendation.js";
import { createReport } from "./report.js";

function recommended(made: Readonly<Record<string, Made>>, needs: readonly Need[], change?: (found: Findings) => void) {
  const findings = madeFindings(made);
  change?.(findings);
  return recommend(createReport(madeOptions, findings), needs);
}

describe("a recommendation from what there is", () => {
  // A transport whose rounds had all failed was "as good" by its bytes alone.
  it("puts one of which a figure is missing last, whatever its other figures, and says so", () => {
    const { answer, ranking } = recommended({ grpc: {}, sse: { serverCpuUs: around(80) } }, [], ({ contenders }) => {
      contenders.find((each) => each.contender.id === "grpc")?.rounds.splice(0);
    });
    assert.equal(answer, "SSE + REST");
    assert.deepEqual(
      ranking.map(({ id }) => id),
      ["sse", "grpc"],
    );
    const reasons = ranking.at(-1)?.reasons.join("; ") ?? "";
    assert.match(reasons, /Latency p99: not measured, so it stands last; Server CPU [^:]*: not measured/);
    assert.match(reasons, /Bytes to receive one: /);
  });

  it("is for nobody where all lack a figure", () => {
    const { answer } = recommended({ grpc: {}, sse: {} }, ["low-cpu"], ({ contenders }) => {
      for (const { rounds } of contenders) rounds.splice(0);
    });
    assert.equal(answer, "Too little was measured to recommend anything.");
  });

  // `--needs bidi,bidi` counted and was printed twice.
  it("counts a need once, however often it was named", () => {
    const { needs, ranking } = recommended({ grpc: {}, sse: {} }, ["bidi", "browser", "bidi"]);
    assert.deepEqual(needs, ["bidi", "browser"]);
    assert.deepEqual(ranking.find(({ id }) => id === "sse")?.unmet, ["bidi"]);
  });
});
