export { CannotMeasureError } from "./cannot-measure.js";
export { openFilesProblem } from "./open-files.js";
export {
  type CompareOptions,
  defaultRatePerSecond,
  defaultRounds,
  defaultSeconds,
  defaultSubscribers,
} from "./options.js";
export { reportPage } from "./report/page/page.js";
export { isNeed, type Need, needNames, recommend } from "./report/recommendation.js";
export { createReport } from "./report/report.js";
export { terminalLines } from "./report/terminal.js";
export { runCompare } from "./run-compare.js";
export { bindSample } from "./sample/bound-sample.js";
export { inferSchema } from "./sample/infer-schema.js";
export { defaultSample, type Sample } from "./sample/sample.js";
export { sampleDifference } from "./sample/sample-difference.js";
export { SampleError } from "./sample/shape.js";
export { contendersFrom, transportNames } from "./transports.js";
