import assert from "node:assert/strict";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { fileURLToPath, pathToFileURL } from "node:url";
import { type ProgramResult, runProgram } from "../fixture/run-program.js";
import { startBrowser } from "../foreign/browser.js";
import { requirePart } from "../optional-parts.js";

const confab = fileURLToPath(new URL("../../../cli/dist/main.js", import.meta.url));

/** What these tests look at in a report. */
interface Report {
  readonly schema: string;
  readonly complete: boolean;
  readonly contenders: readonly {
    readonly id: string;
    readonly failures: readonly unknown[];
    readonly bytes: readonly { readonly step: string; readonly upBytes: number; readonly downBytes: number }[];
    readonly facts: { readonly http1Proxy: Trial; readonly upgradingProxy: Trial; readonly contract: Trial };
  }[];
  readonly figures: readonly {
    readonly name: string;
    readonly entries: readonly {
      readonly id: string;
      readonly isBest: boolean;
      readonly tiesWith: readonly string[];
    }[];
  }[];
  readonly matrix: readonly { readonly cells: readonly { readonly text: string }[] }[];
  readonly claims: readonly { readonly number: number; readonly verdict: string; readonly figure: string }[];
  readonly recommendation: { readonly answer: string };
}
interface Trial {
  readonly works: boolean;
}

/** 300 ms are found beside loopback however busy the machine is; how little is found is shown with the rule itself. */
const transports = "websocket,grpc,grpc+300ms";

describe("confab compare --quick", () => {
  let folder: string;
  let result: ProgramResult;
  let report: Report;
  let htmlFile: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "confab-compare-test-"));
    htmlFile = join(folder, "out.html");
    const jsonFile = join(folder, "out.json");
    const small = ["--rate", "50", "--subscribers", "3", "--seconds", "0.3", "--rounds", "4"];
    const files = ["--json", jsonFile, "--html", htmlFile];
    const args = [
      "compare",
      "--quick",
      "--transports",
      transports,
      ...small,
      "--needs",
      "browser,small-bytes",
      ...files,
    ];
    result = await runProgram(process.execPath, [confab, ...args]);
    assert.equal(result.code, 0, `${result.stderr}${result.stdout}`);
    report = JSON.parse(await readFile(jsonFile, "utf8")) as Report;
  });
  after(() => rm(folder, { recursive: true }));

  const contender = (id: string) => report.contenders.find((each) => each.id === id) ?? assert.fail(`no ${id}`);
  const figure = (name: string) => report.figures.find((each) => each.name === name) ?? assert.fail(`no ${name}`);

  it("writes a whole report, in a shape that has a name", () => {
    assert.equal(report.schema, "confab-compare/2");
    assert.equal(report.complete, true);
    assert.deepEqual(
      report.contenders.map((each) => each.id),
      transports.split(","),
    );
    assert.deepEqual(
      report.contenders.flatMap((each) => each.failures),
      [],
    );
    // With --quick the other numbers of readers have one round, which a busy machine may not keep.
    const certain = report.figures.filter(({ name }) => name !== "readerCpuUs");
    for (const { name, entries } of certain) assert.equal(entries.length, 3, `${name} of every contender`);
  });

  it("finds the contender that was slowed on purpose, and no other difference where bytes are the same", () => {
    const p50 = figure("p50Ms").entries;
    assert.equal(p50.at(-1)?.id, "grpc+300ms");
    assert.deepEqual(p50.at(-1)?.tiesWith, []);
    assert.equal(p50.at(-1)?.isBest, false);
    const bytes = figure("receiveBytes").entries.find((each) => each.id === "grpc+300ms");
    assert.deepEqual(bytes?.tiesWith, ["grpc"]);
  });

  it("tries what a proxy does to each", () => {
    assert.equal(contender("grpc").facts.http1Proxy.works, false);
    assert.equal(contender("grpc").facts.upgradingProxy.works, false);
    assert.equal(contender("websocket").facts.http1Proxy.works, false);
    assert.equal(contender("websocket").facts.upgradingProxy.works, true);
    assert.ok(report.contenders.every((each) => each.facts.contract.works));
  });

  it("has a figure or a test in every cell of the matrix, and for every claim", () => {
    for (const { cells } of report.matrix) for (const { text } of cells) assert.match(text, /\d|works|refused|way|yes/);
    assert.deepEqual(
      report.claims.map((claim) => claim.number),
      [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13],
    );
    for (const { verdict, figure: why } of report.claims)
      assert.match(`${verdict}: ${why}`, /^(held|did not hold|depends): .*\d|^not measured here: /);
    // gRPC-Web and SSE took no part.
    assert.equal(report.claims[5]?.verdict, "not measured here");
    assert.equal(report.claims[12]?.verdict, "not measured here");
  });

  it("recommends for the needs, and says it all on the terminal", () => {
    assert.equal(report.recommendation.answer, "WebSocket plain JSON");
    assert.match(result.stdout, /Recommended for browser, small-bytes: WebSocket plain JSON/);
    assert.match(result.stdout, /WebSocket plain JSON: send one +\d+ +0 /);
    assert.match(result.stderr, /latency and CPU, round 4 of 4/);
  });

  it("shows its plots in a browser, on a phone and in the dark, and makes no request", async (t) => {
    const chromium = requirePart(t, "chromium");
    if (chromium === undefined) return;
    const browser = await startBrowser(chromium);
    try {
      const context = await browser.newContext({ viewport: { width: 390, height: 800 }, colorScheme: "dark" });
      const page = await context.newPage();
      const asked: string[] = [];
      page.on("request", (request) => asked.push(request.url()));
      const complaints: string[] = [];
      page.on("console", (message) => message.type() === "error" && complaints.push(message.text()));
      const url = pathToFileURL(htmlFile).href;
      await page.goto(url);
      const look = (script: string): Promise<unknown> => page.evaluate(script);
      const plots = "[...document.querySelectorAll('svg[data-plot]')].map((svg) => svg.dataset.plot)";
      const expected = ["latency", "bytes-send", "bytes-receive", "bytes-setUp", "bytes-firstSend", "cpu", "memory"];
      assert.deepEqual(await look(plots), expected);
      assert.equal(await look("document.querySelectorAll('svg[data-plot=latency] polygon').length"), 3);
      assert.equal(await look("document.querySelectorAll('svg[data-plot=bytes-send] rect[width]').length"), 4 + 3 * 4);
      assert.equal(await look("document.querySelectorAll('svg[data-plot=cpu] polyline').length"), 3);
      assert.equal(await look("document.querySelectorAll('svg[data-plot=memory] polyline').length"), 3);
      assert.doesNotMatch(String(await look("document.body.innerHTML")), /NaN|undefined|Infinity/);
      assert.equal(await look("document.querySelectorAll('li[data-claim]').length"), 13);
      assert.equal(
        await look("document.documentElement.scrollWidth <= innerWidth"),
        true,
        "the page itself never scrolls sideways",
      );
      assert.equal(await look("getComputedStyle(document.body).backgroundColor"), "rgb(20, 24, 29)");
      assert.deepEqual(asked, [url]);
      assert.deepEqual(complaints, []);
    } finally {
      await browser.close();
    }
  });
});
