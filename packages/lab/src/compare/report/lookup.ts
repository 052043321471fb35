import type { TransportName } from "../transports.js";
import { type ByteRow, type ByteStep, totalBytes } from "./byte-rows.js";
import type { FigureEntry, FigureName } from "./figures.js";
import type { ContenderReport, ReportFacts } from "./report-facts.js";

/** The contender that stands for a transport: the first one that is not slowed on purpose. */
export function contenderOf({ contenders }: ReportFacts, name: TransportName): ContenderReport | undefined {
  return contenders.find((each) => each.transport === name && each.addedDelayMs === 0);
}

/** All that are not slowed on purpose and are of one of these transports. */
export function contendersOf(facts: ReportFacts, names: readonly TransportName[]): readonly ContenderReport[] {
  return names.flatMap((name) => contenderOf(facts, name) ?? []);
}

export const webSocketNames = ["websocket", "websocket-json", "websocket-proto"] as const satisfies TransportName[];

export function entryOf(facts: ReportFacts, figure: FigureName, id: string | undefined): FigureEntry | undefined {
  const table = facts.figures.find((each) => each.name === figure);
  return table?.entries.find((entry) => entry.id === id);
}

export function figureOf(facts: ReportFacts, figure: FigureName, id: string | undefined): number | undefined {
  return entryOf(facts, figure, id)?.estimate.value;
}

/** The best of some contenders by one figure. */
export function bestOf(
  facts: ReportFacts,
  figure: FigureName,
  among: readonly ContenderReport[],
): FigureEntry | undefined {
  const ids = among.map((each) => each.id);
  return facts.figures.find((each) => each.name === figure)?.entries.find((entry) => ids.includes(entry.id));
}

export function labelOf(facts: ReportFacts, id: string): string {
  return facts.contenders.find((each) => each.id === id)?.label ?? id;
}

export function bytesOf(contender: ContenderReport | undefined, step: ByteStep): number | undefined {
  const row = byteRowOf(contender, step);
  return row && totalBytes(row);
}

export function byteRowOf(contender: ContenderReport | undefined, step: ByteStep): ByteRow | undefined {
  return contender?.bytes.find((row) => row.step === step);
}
