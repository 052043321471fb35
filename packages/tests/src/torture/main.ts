// `npm run torture`: the proof that nothing is lost, under faults. See --help.
import { writeFile } from "node:fs/promises";
import { parseOptions, usage } from "./options.js";
import { reportText } from "./report.js";
import { runTorture } from "./run-torture.js";

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
    const result = await runTorture({ ...options, seed, signal: interrupt.signal, progress });
    process.stdout.write(reportText(result, seed));
    if (options.jsonFile !== undefined)
      await writeFile(options.jsonFile, `${JSON.stringify({ seed, seconds: options.seconds, ...result }, null, 2)}\n`);
    return result.violations.length === 0 ? 0 : 1;
  } catch (error) {
    progress(`seed ${seed}: could not run: ${error instanceof Error ? error.stack : String(error)}`);
    return 1;
  }
}
