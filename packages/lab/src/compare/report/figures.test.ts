import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { around, madeFindings, madeOptions } from "../testing/made-findings.js";
import { rateWarnings } from "../warnings.js";
import { figureTable } from "./figures.js";
import { isNeed, recommend } from "./recommendation.js";
import { createReport } from "./report.js";

/**
 * p50 in µs of five rounds of `confab compare --quick --transports sse,sse,sse+10ms`, on a machine that was busy with other
 * things: what twins, and a slowed one, look like when they are not made up.
 */
const recorded = {
  sse: [1_854, 1_520, 6_651, 1_726, 1_357],
  twin: [1_671, 1_440, 5_242, 14_334, 1_228],
  slowed: [12_935, 13_022, 37_092, 18_967, 11_892],
};

describe("a table of one figure", () => {
  it("calls twins a tie, as they were recorded", () => {
    const findings = madeFindings({ sse: { p50Us: recorded.sse }, grpc: { p50Us: recorded.twin } });
    const { entries } = figureTable("p50Ms", findings.contenders);
    assert.deepEqual(
      entries.map(({ isBest }) => isBest),
      [true, true],
    );
    assert.deepEqual(
      entries.map(({ tiesWith }) => tiesWith.length),
      [1, 1],
    );
  });

  it("finds 10 ms that were added to one of them", () => {
    const findings = madeFindings({ sse: { p50Us: recorded.sse }, "sse+10ms": { p50Us: recorded.slowed } });
    const { entries } = figureTable("p50Ms", findings.contenders);
    assert.deepEqual(
      entries.map(({ id, isBest, tiesWith }) => [id, isBest, tiesWith]),
      [
        ["sse", true, []],
        ["sse+10ms", false, []],
      ],
    );
  });

  it("leaves rounds out that did not keep the rate, and the report says which", () => {
    const findings = madeFindings({ sse: { p50Us: [9_000, 500, 500, 500, 500], lateRounds: 1 } });
    const [entry] = figureTable("p50Ms", findings.contenders).entries;
    assert.deepEqual(entry?.estimate, { value: 0.5, low: 0.5, high: 0.5, rounds: 4 });
    assert.match(
      rateWarnings(findings).join(),
      /SSE \+ REST did not keep the rate in 1 of 5 rounds \(delivered in time: 60 %\)/,
    );
  });

  it("has no entry for what was not measured", () => {
    assert.deepEqual(figureTable("p50Ms", madeFindings({ sse: { lateRounds: 5 } }).contenders).entries, []);
  });
});

describe("a recommendation", () => {
  const report = createReport(
    madeOptions,
    madeFindings({
      grpc: { serverCpuUs: around(20) },
      websocket: { serverCpuUs: around(40) },
      "websocket-json": { serverCpuUs: around(42) },
      sse: { serverCpuUs: around(80) },
    }),
  );
  const order = (...needs: string[]) => recommend(report, needs.filter(isNeed)).ranking.map(({ id }) => id);

  it("puts what fills every need before what is cheap", () => {
    assert.deepEqual(order("low-cpu"), ["grpc", "websocket", "websocket-json", "sse"]);
    assert.deepEqual(order("browser", "low-cpu"), ["websocket", "websocket-json", "sse", "grpc"]);
    assert.deepEqual(order("browser", "bidi", "low-cpu").at(0), "websocket");
  });

  it("names those that are as good, and gives figures as reasons", () => {
    const { answer, ranking } = recommend(report, ["browser", "low-cpu"]);
    assert.equal(answer, "WebSocket plain JSON; as good: WebSocket JSON frames");
    assert.match(
      ranking[0]?.reasons.join("; ") ?? "",
      /browser: yes .*Server CPU per delivery: 40\.0 µs \(2\.0 times as much as gRPC\)/,
    );
  });

  it("says what is missing where nothing fills every need", () => {
    const onlyGrpc = createReport(madeOptions, madeFindings({ grpc: {} }));
    assert.match(recommend(onlyGrpc, ["browser"]).answer, /^Nothing fills every need\. Nearest: gRPC, without browser/);
  });
});
