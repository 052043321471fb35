// `npm run torture`: the proof that nothing is lost, under faults. See --help.
import { writeFile } from "node:fs/promises";
import { findPart } from "../optional-parts.js";
import { type DiskTortureResult, type DiskTortureRun, diskReportText, runDiskTorture } from "./disk/disk-torture.js";
import { parseOptions, usage } from "./options.js";
import { reportText } from "./report.js";
import { runTorture, type TortureResult, type TortureRun } from "./run-torture.js";

/** Power cuts tried on one recording, before another one is made. */
const cutsOfOneRecording = 60;

process.exitCode = await main(process.argv.slice(2));

async function main(argv: readonly string[]): Promise<number> {
  const parsed = parseOptions(argv);
  if (parsed.kind === "help") {
    process.stdout.write(usage);
    return 0;
  }
  if (parsed.kind === "wrong") {
    process.stderr.write(`torture: ${parsed.reason}\n${usage}`);
    return 2;
  }
  const { options } = parsed;
  const seed = options.seed ?? Math.floor(Math.random() * 2 ** 31);
  const progress = (line: string) => void process.stderr.write(`torture: ${line}\n`);
  progress(`seed ${seed}, ${options.seconds} s`);
  const interrupt = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => interrupt.abort());
  try {
    const run = { seed, signal: interrupt.signal, progress };
    const [result, text] =
      parsed.kind === "disk"
        ? await tortureDisk({ ...parsed.options, ...run })
        : await torture({ ...parsed.options, ...run });
    process.stdout.write(text);
    if (options.jsonFile !== undefined)
      await writeFile(options.jsonFile, `${JSON.stringify({ seed, seconds: options.seconds, ...result }, null, 2)}\n`);
    return result.violations.length === 0 ? 0 : 1;
  } catch (error) {
    progress(`seed ${seed}: could not run: ${error instanceof Error ? error.stack : String(error)}`);
    return 1;
  }
}

async function torture(run: TortureRun): Promise<[TortureResult, string]> {
  const result = await runTorture(run);
  return [result, reportText(result, run.seed)];
}

async function tortureDisk(run: Omit<DiskTortureRun, "cc" | "cuts">): Promise<[DiskTortureResult, string]> {
  const cc = findPart("cc");
  if (cc === undefined) throw new Error("--disk needs a C compiler (cc): apt-get install gcc libc6-dev");
  const result = await runDiskTorture({ ...run, cc, cuts: cutsOfOneRecording });
  return [result, diskReportText(result, run.seed)];
}
