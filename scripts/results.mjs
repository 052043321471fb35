// The figures of the documents: each stands between two marks that name it, and `npm run docs` takes it from the one file of
// published results. A figure that the file lacks reads "not measured".
//
//     <!--=ws-100;Confab plain;cpuUsPerDelivery-->7.60<!--=-->       case, row, figure; `/1000` after it divides
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { root } from "./files.mjs";

/** The results file, from the root of the repository. */
const resultsPath = "docs/bench-results.json";

/** The documents that have marks. */
const documents = ["README.md", "docs/grpc-or-websockets.md", "docs/performance.md", "docs/scaling.md"];

const mark = /<!--=([^;>]+);([^;>]+);([A-Za-z0-9]+)(?:\/(\d+))?-->.*?<!--=-->/g;

/** @returns {Promise<[path: string, text: string][]>} */
export async function renderResults() {
  const { publishedFigure } = await import("../packages/lab/dist/bench/results-file.js");
  const { resultsPage } = await import("../packages/lab/dist/bench/report/page.js");
  const file = JSON.parse(await readFile(join(root, resultsPath), "utf8"));
  /** @type {[string, string][]} */
  const pages = [["docs/bench-results.md", resultsPage(file)]];
  for (const path of documents) {
    const text = await readFile(join(root, path), "utf8");
    pages.push([
      path,
      text.replaceAll(mark, (whole, id, label, name, perUnit) => {
        const value = publishedFigure(file, { id, label, name, ...(perUnit && { perUnit: Number(perUnit) }) });
        return `${whole.slice(0, whole.indexOf("-->") + 3)}${value ?? "not measured"}<!--=-->`;
      }),
    ]);
  }
  return pages;
}
