import { byteParts } from "./byte-plot.js";
import type { Spread } from "./statistics.js";
import { type Summary, type SummaryRow, timeNames } from "./summary.js";
import { labelOf, labTransports } from "./transports.js";
import { msText } from "./words.js";

/** A row for each transport, with what is known of it so far. */
export function figureRows({ rows, verdicts }: Summary): HTMLTableRowElement[] {
  return rows.map((row) => {
    const { name } = row.transport;
    const head = document.createElement("th");
    head.scope = "row";
    head.textContent = labelOf(name);
    const times = timeNames.map((time) => {
      const { lowest, higher } = verdicts[time];
      return timeCell(row.times[time], higher.length > 0 && lowest.includes(name));
    });
    const element = document.createElement("tr");
    element.dataset["transport"] = name;
    element.append(head, ...times, ...byteCells(row));
    return element;
  });
}

function timeCell(spread: Spread | undefined, isLowest: boolean): HTMLTableCellElement {
  if (!spread) return cell("–");
  const { median, low, high } = spread;
  return cell(msText(median), `${msText(low)} – ${msText(high)}`, isLowest);
}

function byteCells({ transport: { name, bytes } }: SummaryRow): HTMLTableCellElement[] {
  const isFetch = labTransports.find((each) => each.name === name)?.isFetch ?? false;
  return byteParts.map(({ key }) => {
    if (!bytes) return cell("–");
    // What is heard comes in the body of one long answer: it had its headers before.
    return cell(String(bytes[key]), isFetch && key !== "heardBytes" ? "+ headers" : undefined);
  });
}

function cell(text: string, remark?: string, isLowest = false): HTMLTableCellElement {
  const element = document.createElement("td");
  const figure = document.createElement(isLowest ? "strong" : "span");
  figure.textContent = text;
  element.append(figure);
  if (remark !== undefined) {
    const small = document.createElement("small");
    small.textContent = remark;
    element.append(small);
  }
  return element;
}
