import { medianOfKnown } from "./statistics.js";

/** Everything a run can measure; the unit is in the name, shares are of 1. */
export const figureNames = [
  "cpuUsPerDelivery",
  "kernelUsPerDelivery",
  "bytesPerDelivery",
  "messagesPerRead",
  "deliveredShare",
  "highestRatePerSecond",
  "deliveriesPerSecond",
  "requestsPerSecond",
  "cpuUsPerRequest",
  "messagesPerSecond",
  "cpuUsPerMessage",
  "startUs",
  "allLiveUs",
  "p99BeforeUs",
  "p99DuringUs",
  "p99AfterUs",
  "stalledGrowthBytes",
  "rssPeakBytes",
  "p50Us",
  "p99Us",
  "rssPerConnectionBytes",
  "rssPerUsedConnectionBytes",
  "rssBeforeBytes",
  "connections",
  "serverCoreShare",
  "loadCoreShare",
  "redisCoreShare",
  "redisBytesPerMessage",
  "enteredPerSecond",
  "countP50Us",
  "countP99Us",
  "pageP50Us",
  "pageP99Us",
  "redisBytesPerMember",
  "goneUs",
  "othersCoreShare",
] as const;
export type FigureName = (typeof figureNames)[number];

/** The figures of one run, or the medians of several. What a run could not measure is not there. */
export type Figures = { readonly [name in FigureName]?: number | undefined };

/** Figure by figure, the median over the rounds. */
export function medianFigures(rounds: readonly Figures[]): Figures {
  const medians: { [name in FigureName]?: number } = {};
  for (const name of figureNames) {
    const value = medianOfKnown(rounds.map((figures) => figures[name]));
    if (value !== undefined) medians[name] = value;
  }
  return medians;
}

/**
 * From here on other programs' work, in cores, shows in a ratio: a server that is held up sends more messages with one
 * write, and looks cheaper than it is.
 */
export const noisyCoreShare = 0.1;

/** From here on the load, or a client, is as busy as it can be, and what was found is its own limit; in cores. */
export const fullCoreShare = 0.9;

/** Whether other programs disturbed the run; a run that did not look is taken for a quiet one. */
export function isNoisy(figures: Figures): boolean {
  return (figures.othersCoreShare ?? 0) > noisyCoreShare;
}
