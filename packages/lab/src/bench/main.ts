/** `npm run bench`: measure Confab beside its floor and its peers. */
import { runBench } from "./run-bench.js";

process.exitCode = await runBench(process.argv.slice(2), "npm run bench --");
