import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { LabEvent } from "./events.js";
import { emptyResult, type LabResult, withEvent } from "./result.js";
import { keptRate, summaryOf } from "./summary.js";
import { type LabTransportName, labelOf } from "./transports.js";

const settings = { text: "hi", ratePerSecond: 10, secondsPerRound: 1, rounds: 4 };
const browser = { userAgent: "test", processors: 2, wasHidden: false };
const empty = emptyResult({ url: "http://here", startedAt: "2026-01-01T00:00:00.000Z", settings, browser });

function resultOf(events: readonly LabEvent[]): LabResult {
  return events.reduce(withEvent, empty);
}

/** Four rounds in which everything takes `ms`, a little more each round. */
function rounds(transport: LabTransportName, ms: number): LabEvent[] {
  return [1, 2, 3, 4].map((round) => ({
    kind: "visited",
    transport,
    round,
    visit: { openMs: ms + round / 10, latenciesMs: [ms, ms + round / 10, 3 * ms], latenessMs: [0, 0, 0] },
  }));
}

describe("a summary", () => {
  it("has the median of the rounds for each time, and no figures for who had no round", () => {
    const { rows } = summaryOf(resultOf(rounds("connect", 10)), labelOf);
    const row = rows.find(({ transport }) => transport.name === "connect");
    assert.deepEqual(row?.times.open, { median: 10.25, low: 10.1, high: 10.4, rounds: 4 });
    assert.deepEqual(row?.times.p50?.median, 10.25);
    assert.deepEqual(row?.times.p99?.median, 30);
    assert.deepEqual(rows.find(({ transport }) => transport.name === "sse")?.times, {});
  });

  it("says who is lowest and who ties", () => {
    const result = resultOf([...rounds("connect", 10), ...rounds("grpc-web", 10.05), ...rounds("sse", 20)]);
    const { p50 } = summaryOf(result, labelOf).verdicts;
    assert.deepEqual(p50.lowest, ["connect", "grpc-web"]);
    assert.deepEqual(
      p50.higher.map(({ name }) => name),
      ["sse"],
    );
  });

  it("leaves a round out that lost a message, and says so", () => {
    const visit = { openMs: 5, latenciesMs: [1, null], latenessMs: [0, 0] };
    const lossy: LabEvent = { kind: "visited", transport: "sse", round: 1, visit };
    const { rows, warnings } = summaryOf(resultOf([lossy, { kind: "ended" }]), labelOf);
    const row = rows.find(({ transport }) => transport.name === "sse");
    assert.deepEqual([row?.lateRounds, row?.times.p50, row?.times.open?.median], [1, undefined, 5]);
    assert.deepEqual(warnings, [
      "SSE and REST, JSON did not keep the rate in 1 of 1 rounds; they do not count for its latency.",
      "Not all rounds are here.",
    ]);
  });

  it("warns of a failure, of a hidden page, of few rounds and of an end before its time", () => {
    const hidden = { ...empty, settings: { ...settings, rounds: 1 }, browser: { ...browser, wasHidden: true } };
    const failure: LabEvent = { kind: "failed", transport: "websocket-json", reason: "a proxy was in the way" };
    const { warnings } = summaryOf(withEvent(hidden, failure), labelOf);
    assert.deepEqual(
      warnings.map((warning) => warning.split(" ").slice(0, 3).join(" ")),
      ["WebSocket, JSON failed", "The page was", "Not all rounds", "With fewer than"],
    );
  });
});

describe("the rate", () => {
  const latenciesMs = Array.from({ length: 20 }, () => 1);
  it("is kept when one message of twenty was sent late", () => {
    assert.equal(keptRate({ latenciesMs, latenessMs: [...Array.from({ length: 19 }, () => 100), 900] }, 100), true);
  });

  it("is not kept when two were", () => {
    assert.equal(keptRate({ latenciesMs, latenessMs: [...Array.from({ length: 18 }, () => 0), 101, 101] }, 100), false);
  });
});
