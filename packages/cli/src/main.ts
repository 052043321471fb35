#!/usr/bin/env node
import { readFileSync } from "node:fs";
import { relative } from "node:path";
import { LineWriter } from "./output/line-writer.js";
import { runCommandLine } from "./run.js";

const out = new LineWriter(process.stdout);
const err = new LineWriter(process.stderr);
const interrupted = new AbortController();
let hasReader = true;

// `confab listen | head -1`: whoever read our output has what they wanted. That is no failure. Of a terminal that was
// closed the error is EIO.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE" && !(error.code === "EIO" && process.stdout.isTTY)) throw error;
  hasReader = false;
  interrupted.abort();
});
// Complaints that nobody reads are no reason to fail.
process.stderr.on("error", () => undefined);

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  // Once: a second one, of somebody who will not wait, has its usual effect.
  process.once(signal, () => interrupted.abort());
}

const code = await runCommandLine(process.argv.slice(2), {
  out,
  err,
  stdin: process.stdin,
  env: process.env,
  signal: interrupted.signal,
  program: programName(),
  version: packageVersion(),
});
await out.flushed();
// Standard input may still be open, and would keep the process.
process.exit(hasReader ? code : 0);

function programName(): string {
  const [, script = "confab"] = process.argv;
  return script.endsWith(".js") && !script.includes("node_modules")
    ? `node ${relative(process.cwd(), script)}`
    : "confab";
}

function packageVersion(): string {
  const facts: unknown = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));
  return typeof facts === "object" && facts !== null && "version" in facts ? String(facts.version) : "unknown";
}
