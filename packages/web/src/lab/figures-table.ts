import { byteParts } from "./byte-plot.js";
import { type Spread, standingOf } from "./statistics.js";
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
    const times = timeNames.map((time) => timeCell(row.times[time], standingOf(verdicts[time], name)));
    const element = document.createElement("tr");
    element.dataset["transport"] = name;
    element.append(head, ...times, ...byteCells(row));
    return element;
  });
}

/** Bold is what is lower than all others, and nothing else: a tie is named as one. */
function timeCell(spread: Spread | undefined, standing: ReturnType<typeof standingOf>): HTMLTableCellElement {
  if (!spread) return cell("–");
  const { median, low, high } = spread;
  const range = `${msText(low)} – ${msText(high)}`;
  return cell(msText(median), standing === "tie" ? `${range}, tie` : range, standing === "lowest");
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
