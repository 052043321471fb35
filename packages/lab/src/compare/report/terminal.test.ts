import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { madeFindings, madeOptions } from "../testing/made-findings.js";
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
});
