import type { Figures } from "../figures.js";
import { formatFigure, formatShare } from "./table.js";

/** One run in a few words, for the progress. */
export function summarise(figures: Figures): string {
  if (figures.rssPerConnectionBytes !== undefined)
    return `${formatFigure(figures.rssPerConnectionBytes / 1000)} KB/connection`;
  if (figures.highestRatePerSecond !== undefined)
    return `${formatFigure(figures.highestRatePerSecond)} messages/s to all`;
  if (figures.messagesPerSecond !== undefined) return `${formatFigure(figures.messagesPerSecond)} messages/s`;
  if (figures.startUs !== undefined) return `ready after ${formatFigure(figures.startUs / 1_000_000)} s`;
  if (figures.allLiveUs !== undefined) return `all live after ${formatFigure(figures.allLiveUs / 1000)} ms`;
  if (figures.enteredPerSecond !== undefined) return `${formatFigure(figures.enteredPerSecond)} entered/s`;
  if (figures.requestsPerSecond !== undefined) return `${formatFigure(figures.requestsPerSecond)} requests/s`;
  if (figures.cpuUsPerMessage !== undefined)
    return `${formatFigure(figures.cpuUsPerMessage)} µs/message, p50 ${formatFigure(figures.p50Us === undefined ? undefined : figures.p50Us / 1000)} ms`;
  if (figures.cpuUsPerDelivery !== undefined) return `${formatFigure(figures.cpuUsPerDelivery)} µs/delivery`;
  if (figures.p50Us !== undefined) return `p50 ${formatFigure(figures.p50Us / 1000)} ms`;
  return `falls behind: ${formatShare(figures.deliveredShare)} delivered`;
}
