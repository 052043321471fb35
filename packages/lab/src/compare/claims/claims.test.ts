import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { createReport } from "../report/report.js";
import type { ChatSample } from "../sample/sample.js";
import { around, type Made, madeFindings, madeOptions, no, wireBytes } from "../testing/made-findings.js";

const everybody = { grpc: {}, "grpc-web": {}, "connect-json": {}, websocket: {}, "websocket-json": {}, sse: {} };

/** The verdict on one claim, when only this differs from a run in which all contenders are alike. */
function verdict(number: number, made: Readonly<Record<string, Made>> = {}, sample?: ChatSample): string {
  const options = sample === undefined ? madeOptions : { ...madeOptions, sample };
  const { claims } = createReport(options, madeFindings({ ...everybody, ...made }));
  return claims[number - 1]?.verdict ?? assert.fail(`no claim ${number}`);
}

describe("verdicts follow from what was measured", () => {
  it("1: a payload that is a third smaller holds, one that is little smaller depends, one of text alone does not", () => {
    const chat = (user: string, text: string): ChatSample => ({ kind: "chat", user, text });
    assert.equal(verdict(1, {}, chat("a", "b")), "held");
    assert.equal(verdict(1, {}, chat("ann", "x".repeat(80))), "depends");
    assert.equal(verdict(1, {}, chat("ann", "x".repeat(4_000))), "did not hold");
  });

  it("2: a lower middle and a lower tail hold, one of them depends, a tie does not", () => {
    const [fast50, fast99] = [around(200), around(900)];
    assert.equal(verdict(2, { grpc: { p50Us: fast50, p99Us: fast99 } }), "held");
    assert.equal(verdict(2, { grpc: { p50Us: fast50 } }), "depends");
    assert.equal(verdict(2), "did not hold");
    assert.equal(verdict(2, { grpc: { p50Us: around(900), p99Us: around(9_000) } }), "did not hold");
  });

  it("2: rounds that did not keep the rate say nothing about latency", () => {
    assert.equal(verdict(2, { grpc: { p50Us: around(200), p99Us: around(900), lateRounds: 5 } }), "not measured here");
    // Three are left, and three say nothing, whatever they were.
    assert.equal(verdict(2, { grpc: { p50Us: around(200), p99Us: around(900), lateRounds: 2 } }), "not measured here");
    assert.equal(verdict(2, { grpc: { p50Us: around(200), p99Us: around(900), lateRounds: 1 } }), "held");
  });

  it("3: encoding decides, and the server's CPU may take it back", () => {
    const findings = madeFindings(everybody);
    const cheap = { ...findings.serialisation, protobufEncodeNs: around(100), protobufDecodeNs: around(100) };
    const judge = (made: Readonly<Record<string, Made>>) => {
      const { contenders } = madeFindings({ ...everybody, ...made });
      const serialisation = { ...(findings.serialisation ?? assert.fail()), ...cheap };
      return createReport(madeOptions, { ...findings, contenders, serialisation }).claims[2]?.verdict;
    };
    assert.equal(verdict(3), "did not hold");
    assert.equal(judge({}), "held");
    assert.equal(judge({ grpc: { serverCpuUs: around(90) } }), "depends");
    // Encoding is dearer, and the whole server cheaper all the same: JSON is read and written as well as sent.
    assert.equal(verdict(3, { grpc: { serverCpuUs: around(25) } }), "depends");
  });

  it("4: WebSockets that refuse what breaks the contract have one", () => {
    const lax = { facts: { contract: no } };
    assert.equal(verdict(4), "did not hold");
    assert.equal(verdict(4, { websocket: lax }), "depends");
    assert.equal(verdict(4, { websocket: lax, "websocket-json": lax }), "held");
  });

  it("5: fifty calls on more than one connection are not multiplexed", () => {
    assert.equal(verdict(5), "held");
    assert.equal(verdict(5, { grpc: { facts: { manySends: { ...no, connections: 6 } } } }), "did not hold");
  });

  it("6: gRPC-Web without a proxy makes half of it wrong", () => {
    const blocked = { grpc: { facts: { http1Proxy: no } } };
    assert.equal(verdict(6, blocked), "depends");
    assert.equal(verdict(6, { ...blocked, "grpc-web": { facts: { push: no } } }), "held");
    assert.equal(verdict(6), "depends");
  });

  it("7 and 8: bytes that a WebSocket's reader has to send, or headers on its messages, would undo them", () => {
    assert.equal(verdict(7), "held");
    assert.equal(verdict(7, { websocket: { receive: wireBytes(20, 200) } }), "did not hold");
    assert.equal(verdict(8), "held");
    assert.equal(verdict(8, { "websocket-json": { receive: wireBytes(0, 200, 80) } }), "did not hold");
  });

  it("9 and 10: what can be resumed elsewhere is not tied to its connection; a stream is state", () => {
    assert.equal(verdict(9), "depends");
    assert.equal(verdict(9, { websocket: { facts: { resume: no } } }), "held");
    assert.equal(verdict(10), "depends");
  });

  it("11: gRPC has to be best or tied by everything", () => {
    assert.equal(verdict(11), "held");
    assert.equal(verdict(11, { websocket: { serverCpuUs: around(20) } }), "depends");
    const worst = { p99Us: around(9_000), serverCpuUs: around(900), receive: wireBytes(0, 900) };
    assert.equal(verdict(11, { grpc: { ...worst, facts: { contract: no } } }), "depends", "it ties by bytes to send");
  });

  it("12: a WebSocket has to be best or tied of what browsers can speak", () => {
    assert.equal(verdict(12), "held");
    assert.equal(verdict(12, { sse: { p99Us: around(300) } }), "depends");
    assert.equal(verdict(12, { grpc: { p99Us: around(300) } }), "held", "gRPC is not for browsers");
  });

  it("13: REST has to keep the rate, unnoticed, and without twice the cost", () => {
    assert.equal(verdict(13), "held");
    assert.equal(verdict(13, { sse: { serverCpuUs: around(120) } }), "depends");
    assert.equal(verdict(13, { sse: { p99Us: around(150_000) } }), "did not hold");
    assert.equal(verdict(13, { sse: { lateRounds: 1 } }), "did not hold");
  });

  it("2, 3, 11, 12 and 13 say nothing after too few rounds, whatever those were", () => {
    // Users saw HELD with p99 33.6 ms beside 5.40 ms, after one round: nothing differed, so everything was "tied".
    const few: Record<string, Made> = Object.fromEntries(Object.keys(everybody).map((id) => [id, { rounds: 1 }]));
    const made = { ...few, grpc: { rounds: 1, p99Us: [33_600] }, websocket: { rounds: 1, p99Us: [33_600] } };
    for (const number of [2, 11, 12, 13]) assert.equal(verdict(number, made), "not measured here", `claim ${number}`);
  });

  it("12: a WebSocket is compared with what is none, and a tail that everybody notices is no low latency", () => {
    const onlyWebSockets = createReport(madeOptions, madeFindings({ websocket: {}, "websocket-json": {} }));
    assert.equal(onlyWebSockets.claims[11]?.verdict, "not measured here");
    const slow = Object.fromEntries(Object.keys(everybody).map((id) => [id, { p99Us: around(212_000) }]));
    assert.equal(verdict(12, slow), "did not hold");
  });

  it("13: REST that kept the rate in no round took part, and failed; a dearer one that ties is none that is dearer", () => {
    assert.equal(verdict(13, { sse: { lateRounds: 5 } }), "did not hold");
    assert.equal(verdict(13, { sse: { serverCpuUs: [40, 300, 110, 120, 130] } }), "held");
  });

  it("says so where a contender took no part", () => {
    const { claims } = createReport(madeOptions, madeFindings({ sse: {} }));
    const judged = claims.filter((claim) => claim.verdict !== "not measured here").map((claim) => claim.number);
    assert.deepEqual(judged, [1, 3, 13]);
  });
});
