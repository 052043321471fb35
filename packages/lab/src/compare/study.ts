/**
 * `node packages/lab/dist/compare/study.js [options of confab compare]`: runs the comparisons of docs/grpc-or-websockets.md
 * and writes their figures into it, between the marks that name them. The words around them are written by people.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { markdownLines } from "./report/markdown.js";
import type { Report } from "./report/report.js";

const root = fileURLToPath(new URL("../../../../", import.meta.url));
const document = join(root, "docs/grpc-or-websockets.md");
const command = join(root, "packages/cli/dist/main.js");
const samples = "packages/lab/samples";

/** What is compared, by the name of its place in the document. */
const studies: Readonly<Record<string, readonly string[]>> = {
  chat: [],
  telemetry: [
    "--message",
    `${samples}/telemetry.json`,
    "--proto",
    `${samples}/telemetry.proto`,
    "--type",
    "lab.Telemetry",
  ],
};

const folder = mkdtempSync(join(tmpdir(), "confab-study-"));
try {
  for (const [name, args] of Object.entries(studies)) {
    const file = join(folder, `${name}.json`);
    const all = [...args, ...process.argv.slice(2)];
    const { status } = spawnSync(process.execPath, [command, "compare", ...all, "--json", file], {
      cwd: root,
      // Its table is in the document; its progress is for whoever waits.
      stdio: ["ignore", "ignore", "inherit"],
    });
    if (status !== 0) throw new Error(`confab compare for ${name} ended with ${status}`);
    const report = JSON.parse(readFileSync(file, "utf8")) as Report;
    const shown = { ...report, command: ["npx confab compare", ...all].join(" ") };
    writeFileSync(document, withFigures(readFileSync(document, "utf8"), name, markdownLines(shown)));
  }
} finally {
  rmSync(folder, { recursive: true });
}

/** @throws Error: the document has no such place. */
function withFigures(text: string, name: string, lines: readonly string[]): string {
  const [begin, end] = [`<!-- figures: ${name} -->`, `<!-- end: ${name} -->`];
  const [before, after] = [text.indexOf(begin), text.indexOf(end)];
  if (before === -1 || after === -1) throw new Error(`${document} has no place for the figures of ${name}`);
  return `${text.slice(0, before + begin.length)}\n${lines.join("\n")}\n${text.slice(after)}`;
}
