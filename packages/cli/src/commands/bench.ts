import { benchUsage, runBench } from "@confab/lab";
import type { Command } from "../command.js";

/** The lab reads the options itself: they are those of `npm run bench`. */
export const bench: Command = {
  help: benchUsage("confab bench").trimEnd(),
  run: (args, { program }) => runBench(args, `${program} bench`),
};
