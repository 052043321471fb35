export { type ExitCode, exitCode } from "./exit-codes.js";
export { runCommandLine } from "./run.js";
export { loadTypes } from "./types/load-types.js";
