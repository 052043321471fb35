// A process that reads the whole of a log and says whether it is whole: `log-check-process.js PATH`. See log-check.ts.
import { writeSync } from "node:fs";
import { troublePrefix, wholeLine } from "./log-check.js";
import { readWholeLog } from "./read-whole-log.js";

const [path = ""] = process.argv.slice(2);

/** Written at once: the next page may be the one that ends this process. */
function say(line: string): void {
  writeSync(1, `${line}\n`);
}

try {
  await readWholeLog(path, () => say("reading"));
  say(wholeLine);
} catch (error) {
  say(`${troublePrefix}it is damaged: ${error instanceof Error ? error.message.replaceAll("\n", " ") : String(error)}`);
}
