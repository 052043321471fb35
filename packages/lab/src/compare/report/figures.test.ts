import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { around, madeFindings, madeOptions } from "../testing/made-findings.js";
import { rateWarnings } from "../warnings.js";
import { figureTable } from "./figures.js";
import { apartMark, withSpread } from "./format.js";
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
      rateWarnings(findings, 10).join(),
      /did not keep the rate .*: SSE \+ REST, 1 of 5 with 10 readers \(as few as 60 % delivered in time\)\./,
    );
  });

  it("has no entry for what was not measured", () => {
    assert.deepEqual(figureTable("p50Ms", madeFindings({ sse: { lateRounds: 5 } }).contenders).entries, []);
  });
});

describe("figures that are no single value", () => {
  const search = (ratePerSecond: number, failedRatePerSecond: number | undefined, clientCoreShare = 0.5) => ({
    ratePerSecond,
    failedRatePerSecond,
    clientCoreShare,
    steps: 4,
  });
  const rate = (...capacity: ReturnType<typeof search>[]) => {
    const [entry] = figureTable("ratePerSecond", madeFindings({ sse: { capacity } }).contenders).entries;
    return entry && withSpread(entry.estimate, "/s") + apartMark(entry);
  };

  it("a highest rate reaches from what was kept to what was not, and one search is compared with none", () => {
    assert.equal(rate(search(800, 3_200)), "800 (800–3,200) †");
    assert.equal(rate(...[1, 2, 3, 4, 5].map((each) => search(1_000 * each, 1_200 * each))), "3,000 (1,000–6,000)");
  });

  it("a search that found no end has none, nor has one in which the clients had no time left", () => {
    assert.equal(rate(search(800, undefined)), "≥ 800 †");
    assert.equal(rate(search(800, 3_200, 0.97)), "≥ 800 †");
    assert.equal(rate(search(0, 100)), "< 100 †");
  });

  it("a further reader costs what lies between few and many readers", () => {
    const { contenders } = madeFindings({ sse: { fanouts: [500, 990] } });
    assert.equal(figureTable("readerCpuUs", contenders).entries[0]?.estimate.value.toFixed(1), "10.0");
  });

  it("bytes to send without an acknowledgement are shown, and are not the best", () => {
    const { entries } = figureTable("sendBytes", madeFindings({ websocket: {}, grpc: {} }).contenders);
    assert.deepEqual(
      entries.map(({ id, isBest, isCompared }) => [id, isBest, isCompared]),
      [
        ["grpc", true, true],
        ["websocket", false, false],
      ],
    );
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
      /browser: yes .*Server CPU per message: 40\.0 µs \(2\.0 times as much as gRPC\)/,
    );
  });

  it("says what is missing where nothing fills every need", () => {
    const onlyGrpc = createReport(madeOptions, madeFindings({ grpc: {} }));
    assert.match(recommend(onlyGrpc, ["browser"]).answer, /^Nothing fills every need\. Nearest: gRPC, without browser/);
  });
});
