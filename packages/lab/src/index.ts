export { usage as benchUsage } from "./bench/options.js";
export { runBench } from "./bench/run-bench.js";
export {
  bindSample,
  type CompareOptions,
  contendersFrom,
  createReport,
  defaultRatePerSecond,
  defaultRounds,
  defaultSample,
  defaultSeconds,
  defaultSubscribers,
  inferSchema,
  isNeed,
  type Need,
  needNames,
  recommend,
  reportPage,
  runCompare,
  type Sample,
  SampleError,
  terminalLines,
  transportNames,
} from "./compare/index.js";
