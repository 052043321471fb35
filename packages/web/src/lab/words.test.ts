import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { emptyResult, type LabResult, withEvent } from "./result.js";
import { summaryOf } from "./summary.js";
import { type LabTransportName, labelOf } from "./transports.js";
import { endingText, factTexts, msText, verdictTexts } from "./words.js";

const empty = emptyResult({
  url: "http://here",
  startedAt: "2026-01-01T00:00:00.000Z",
  settings: { text: "hi", ratePerSecond: 10, secondsPerRound: 1, rounds: 4 },
  browser: { userAgent: "test", processors: 2, wasHidden: false },
});

/** What four rounds say in which each of these transports always takes as long. */
function resultWith(times: Partial<Record<LabTransportName, number>>): LabResult {
  const transports = empty.transports.map((transport) => {
    const ms = times[transport.name];
    const round = ms === undefined ? undefined : { openMs: ms, latenciesMs: [ms], latenessMs: [0.25] };
    return { ...transport, rounds: round ? [1, 2, 3, 4].map((number) => ({ round: number, ...round })) : [] };
  });
  return { ...empty, room: "lab-test", clockStepMs: 0.1, transports };
}

function verdictsOn(result: LabResult): string[] {
  return verdictTexts(summaryOf(result, labelOf));
}

describe("the words of a verdict", () => {
  it("name the lowest, its ties, and how much higher the others are", () => {
    const [first] = verdictsOn(resultWith({ connect: 10, "grpc-web": 10.1, sse: 25 }));
    assert.equal(
      first,
      "Time to the first message: lowest with Connect, Protobuf; gRPC-Web, Protobuf, which tie within the noise; SSE and REST, JSON 2.50 times that.",
    );
  });

  it("say when all tie", () => {
    const [, second] = verdictsOn(resultWith({ connect: 10, "grpc-web": 10 }));
    assert.equal(
      second,
      "Latency of the middle message (p50): a tie within the noise: gRPC-Web, Protobuf; Connect, Protobuf.",
    );
  });

  it("are none while there is nobody to compare with", () => {
    assert.deepEqual(verdictsOn(resultWith({ connect: 10 })), []);
  });
});

describe("the end of a comparison", () => {
  const all = Object.fromEntries(empty.transports.map(({ name }) => [name, 10]));
  const ended = (result: LabResult) => withEvent(result, { kind: "ended" });

  it("is complete when every transport has all of its rounds", () => {
    const result = ended(resultWith(all));
    assert.equal(result.isComplete, true);
    assert.equal(endingText(result), "Done.");
  });

  // The page said "Done." when all transports had failed, and gave out JSON that called itself complete.
  it("says how many transports failed, and why, and is not complete", () => {
    const fail = (result: LabResult, transport: LabTransportName) =>
      withEvent(result, { kind: "failed", transport, reason: "no connection" });
    const { sse: _, ...others } = all;
    const one = ended(fail(resultWith(others), "sse"));
    assert.equal(one.isComplete, false);
    assert.equal(endingText(one), "Ended: 1 transport failed: no connection.");
    const none = ended(empty.transports.reduce((result, { name }) => fail(result, name), empty));
    assert.equal(none.isComplete, false);
    assert.equal(endingText(none), "Ended: 5 transports failed: no connection.");
  });
});

describe("the facts of a run", () => {
  it("are none before it began", () => {
    assert.deepEqual(factTexts(empty), []);
  });

  it("say which HTTP it was, the clock's step, how late messages were sent, and what p99 is worth", () => {
    const result = resultWith({ connect: 10 });
    const resource = { protocol: "http/1.1", encodedBodyBytes: 57, transferBytes: 357 };
    const transports = result.transports.map((transport) => ({ ...transport, resource }));
    assert.deepEqual(factTexts({ ...result, transports }), [
      "For fetch this browser speaks http/1.1 with this server.",
      "Its clock goes in steps of 0.1 ms.",
      "It sent messages 0.25 ms after they were due (p50; p99 0.25 ms). That is in the latencies.",
      "A round has 10 messages of each transport: its p99 is its slowest one.",
    ]);
  });
});

describe("a time in words", () => {
  it("has three digits, and never more than two behind the point", () => {
    assert.deepEqual([0.4, 9.994, 9.996, 99.94, 99.96, 1_234.5].map(msText), [
      "0.40",
      "9.99",
      "10.0",
      "99.9",
      "100",
      "1235",
    ]);
  });
});
