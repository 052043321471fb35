import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Findings } from "../findings.js";
import { madeFindings, madeOptions } from "../testing/made-findings.js";
import { rateWarnings } from "../warnings.js";
import { recommend } from "./recommendation.js";
import { createReport } from "./report.js";
import { terminalLines } from "./terminal.js";

const options = { ...madeOptions, subscribers: 1, rounds: 1 };
const findings = madeFindings({ grpc: {}, websocket: {}, sse: {} });
findings.warnings.push("a warning that is long ".repeat(20).trim());
const report = createReport(options, findings);

/** From the line that is `title` to the next empty one. */
function section(title: string, width?: number): readonly string[] {
  const lines = terminalLines(report, recommend(report, ["browser", "small-bytes"]), width);
  const from = lines.indexOf(title);
  assert.notEqual(from, -1, title);
  const rest = lines.slice(from + 1);
  return rest.slice(0, rest.includes("") ? rest.indexOf("") : undefined);
}

// What it said was for a wide screen: no machine, no matrix, "1 rounds", and claims of 315 characters in a line.
describe("the report on a terminal", () => {
  it("says what was measured, on which machine, and what its marks mean", () => {
    const [what, ...how] = section("", 1_000).slice(1);
    assert.equal(what, "200 messages/s to 1 reader, 1 round of 1 s");
    assert.match(how.join("\n"), /^\d+ cores? of .+, \d+ GiB, Linux .*, Node v\d/);
    assert.match(how.join("\n"), /Medians of 1 round\..* \* is the best.*\(tie\): /s);
  });

  it("has the matrix, with every feature and every transport of it", () => {
    const lines = section("Decision matrix");
    for (const { feature, cells } of report.matrix) {
      assert.ok(lines.includes(`  ${feature}`), feature);
      for (const { text } of cells) assert.ok(lines.join(" ").replaceAll(/\s+/g, " ").includes(text), text);
    }
  });

  for (const width of [100, 60]) {
    it(`wraps its texts at ${width} characters`, () => {
      const titles = ["Decision matrix", "What is said of gRPC and WebSockets", "Beware"];
      for (const line of titles.flatMap((title) => section(title, width)))
        assert.ok(line.length <= width, `${line.length}: ${line}`);
    });
  }

  it("is 100 characters wide where it is not told its width", () => {
    assert.deepEqual(section("Beware"), section("Beware", 100));
  });

  // There were nineteen paragraphs, one for each transport and each thing that had happened to it.
  it("groups its warnings and failures: each text once, with all transports that it is for", () => {
    const late = { lateRounds: 1 };
    const found = madeFindings({ grpc: late, websocket: late, sse: late });
    found.warnings.push(...rateWarnings(found, 10));
    for (const { failures } of found.contenders.slice(0, 2)) {
      failures.push({ part: "fanout", reason: "no route" }, { part: "fanout", reason: "no route" });
    }
    const made = createReport(options, found);
    const lines = terminalLines(made, recommend(made, []), 1_000);
    const under = (title: string) => lines.slice(lines.indexOf(title) + 1, lines.indexOf("", lines.indexOf(title)));
    const [warning, ...others] = under("Beware");
    assert.deepEqual(others, []);
    assert.match(
      warning ?? "",
      /^- Rounds that .*: gRPC, 1 of 5 .*; WebSocket plain JSON, 1 of 5 .*; SSE \+ REST, 1 of 5 /,
    );
    assert.deepEqual(under("Failed"), ["- gRPC (fanout 2 times), WebSocket plain JSON (fanout 2 times): no route"]);
  });

  it("says that it was interrupted, or what broke it off", () => {
    const first = (found: Partial<Findings>) => {
      const cut = createReport(options, { ...findings, isComplete: false, ...found });
      return terminalLines(cut, recommend(cut, []))[1];
    };
    assert.equal(first({}), "INTERRUPTED: What follows was measured until then.");
    assert.equal(first({ brokenBy: "no server" }), "NOT COMPLETE: no server. What follows was measured until then.");
  });
});
