import { failureTexts } from "../failures.js";
import { type FigureTable, figureGroups, isTieOfAll } from "../figures.js";
import { apartMark, howToRead, withSpread, withUnit } from "../format.js";
import { labelOf } from "../lookup.js";
import { forWhat, howToAsk, type Recommendation } from "../recommendation.js";
import type { Report } from "../report.js";
import { tlsText } from "../tls-text.js";
import { linearScale, logScale } from "./axis.js";
import { bytePlot } from "./byte-plot.js";
import { escaped, htmlTable } from "./html.js";
import { latencyPlot } from "./latency-plot.js";
import { linePlot } from "./line-plot.js";
import { style } from "./style.js";

/** The report as one HTML file that needs nothing else: no script, no font, no picture from anywhere. */
export function reportPage(report: Report, recommendation: Recommendation): string {
  const sections = [
    heading(report),
    recommended(recommendation),
    `<h2>In figures</h2>${figureTables(report)}`,
    `<h2>Latency</h2>${figure(latencyPlot(report), `From the time a message was due to the time a reader had decoded it: ${report.settings.ratePerSecond} messages a second to ${report.settings.subscribers} readers on loopback, all rounds together. The marks are p50 and p99. Logarithmic.`)}`,
    `<h2>Bytes on the wire</h2>${bytes(report)}`,
    `<h2>CPU against fan-out</h2>${figure(cpuPlot(report), "The server's CPU for one message, sent once and delivered to all readers, against their number. Vertical lines are the spread of the rounds.")}`,
    `<h2>Memory against connections</h2>${figure(memoryPlot(report), "How much the server's memory grew, against idle readers with a connection each.")}`,
    `<h2>What was tried</h2>${trials(report)}`,
    `<h2>The decision matrix, measured</h2>${matrix(report)}`,
    `<h2>What is said of gRPC and WebSockets</h2>${claims(report)}`,
    `<h2>How it was measured</h2>${method(report)}`,
  ];
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>gRPC or WebSockets: ${escaped(report.message.title)}</title><style>${style}</style></head>
<body><main>${sections.join("\n")}</main></body></html>
`;
}

function heading({
  complete,
  brokenBy,
  message,
  machine,
  startedAt,
  tookSeconds,
  command,
  warnings,
  tls,
}: Report): string {
  const cut = `${brokenBy === undefined ? "Interrupted" : `Not complete: ${brokenBy}`}. What follows was measured until then.`;
  const beware = [...(complete ? [] : [cut]), ...warnings];
  return `<h1>gRPC or WebSockets, for ${escaped(message.title)}</h1>
<p>${withUnit(message.jsonBytes, "B")} as JSON, ${withUnit(message.protobufBytes, "B")} as Protobuf. Measured ${escaped(startedAt)} in ${Math.round(tookSeconds)} s on ${machine.cores} cores of ${escaped(machine.cpuModel)}, ${machine.memoryGiB} GiB, ${escaped(machine.kernel)}, Node ${escaped(machine.node)}.</p>
${tls === undefined ? "" : `<p data-tls>Over TLS: ${escaped(tlsText(tls))}.</p>`}
<pre>${escaped(command)}</pre>
${beware.length === 0 ? "" : `<div class="beware" data-complete="${complete}">${beware.map((each) => `<p>${escaped(each)}</p>`).join("")}</div>`}`;
}

function recommended(recommendation: Recommendation): string {
  const { answer, ranking } = recommendation;
  const items = ranking.map(
    ({ label, unmet, reasons }) =>
      `<li><strong>${escaped(label)}</strong>${unmet.length === 0 ? "" : ` <span class="soft">without ${escaped(unmet.join(", "))}</span>`}<br><span class="soft">${escaped(reasons.join("; "))}</span></li>`,
  );
  return `<h2>${escaped(forWhat(recommendation))}</h2><p class="best" data-answer>${escaped(answer)}</p><ol>${items.join("")}</ol>${howToAsk(
    recommendation,
  )
    .map((text) => `<p class="soft">${escaped(text)}</p>`)
    .join("")}`;
}

function figureTables(report: Report): string {
  const tables = figureGroups.map((names) => {
    const shown = names.flatMap((name) => report.figures.find((each) => each.name === name) ?? []);
    const heads = shown.map((table) => {
      const { label, unit } = table;
      return escaped(`${unit === "" ? label : `${label}, ${unit}`}${isTieOfAll(table) ? " (a tie)" : ""}`);
    });
    const rows = report.contenders.map(({ id, label }) => [
      escaped(label),
      ...shown.map((table) => figureCell(report, table, id)),
    ]);
    return htmlTable(["", ...heads], rows);
  });
  return `<p class="soft">${escaped(howToRead(report))} Coloured: the best, and all that tie with it.</p>${tables.join("")}`;
}

function figureCell(report: Report, table: FigureTable, id: string): string {
  const entry = table.entries.find((each) => each.id === id);
  if (entry === undefined) return "–";
  const text = escaped(withSpread(entry.estimate, table.unit) + apartMark(entry));
  const ties = entry.tiesWith.map((other) => labelOf(report, other)).join(", ");
  const isMarked = entry.isBest && !isTieOfAll(table);
  return `<span${isMarked ? ' class="best"' : ""}${ties === "" ? "" : ` title="ties with ${escaped(ties)}"`}>${text}</span>`;
}

function figure(plot: string, caption: string): string {
  return plot === ""
    ? '<p class="soft">Not in this run.</p>'
    : `<figure>${plot.startsWith("<svg") ? `<div class="wide">${plot}</div>` : plot}<figcaption>${escaped(caption)}</figcaption></figure>`;
}

function bytes(report: Report): string {
  return [
    figure(
      bytePlot(report, "send", "Bytes to send one message"),
      "To send one message on a connection that is open, with its acknowledgement, which a plain WebSocket has none of; both directions.",
    ),
    figure(bytePlot(report, "receive", "Bytes to receive one message"), "To receive one message; both directions."),
    figure(
      bytePlot(report, "setUp", "Bytes to set up a reader"),
      `To connect and ask for a room, ${report.tls === undefined ? "" : "with the handshake of TLS, "}without the TCP handshake.`,
    ),
    figure(
      bytePlot(report, "firstSend", "Bytes to send the first message"),
      "The first send on a connection: HTTP/2 spells its header fields out once.",
    ),
    compressed(report),
  ].join("");
}

function compressed(report: Report): string {
  const rows = report.contenders.map(({ label, bytes: rowsOf }) => {
    const [plain, packed] = (["send", "compressedSend"] as const).map((step) =>
      rowsOf.find((row) => row.step === step),
    );
    return [
      escaped(label),
      withUnit(plain?.upBytes, "B"),
      packed === undefined ? (plain === undefined ? "–" : "not offered") : withUnit(packed.upBytes, "B"),
      "not offered",
    ];
  });
  return `<p>With compression, from client to server. The server compresses no stream, so what readers receive is the same.</p>${htmlTable(["", "send one", "send one as gzip", "receive one compressed"], rows)}`;
}

function cpuPlot(report: Report): string {
  const lines = report.contenders.map(({ label, cpuByFanout }, index) => ({
    label,
    index,
    points: cpuByFanout.map(({ subscribers, server }) => ({
      x: subscribers,
      y: server.value,
      low: server.low,
      high: server.high,
    })),
  }));
  const points = lines.flatMap((line) => line.points);
  if (points.length === 0) return "";
  const counts = points.map((point) => point.x);
  const [least, most] = [Math.min(...points.map((point) => point.low)), Math.max(...points.map((point) => point.high))];
  return linePlot(lines, {
    name: "cpu",
    title: "Server CPU per message against readers",
    xLabel: "readers",
    yLabel: "µs of server CPU per message (logarithmic)",
    xScale: (from, to) => ({
      ...logScale(Math.min(...counts), Math.max(...counts), from, to),
      ticks: [...new Set(counts)],
    }),
    yScale: (from, to) => logScale(least, most, from, to),
  });
}

function memoryPlot(report: Report): string {
  const lines = report.contenders.map(({ label, memory }, index) => ({
    label,
    index,
    points: memory.map(({ connections, grownBytes }) => ({
      x: connections,
      // Less than at the beginning, when the process gave memory back: no line goes below its axis.
      y: Math.max(grownBytes, 0) / 2 ** 20,
    })),
  }));
  const most = Math.max(1, ...lines.flatMap((line) => line.points.map((point) => point.x)));
  return linePlot(lines, {
    name: "memory",
    title: "Growth of server memory against idle connections",
    xLabel: "idle readers",
    yLabel: "MiB",
    xScale: (from, to) => linearScale(most, from, to),
  });
}

function trials(report: Report): string {
  const cell = (trial: { readonly works: boolean; readonly seen: string } | undefined): string =>
    trial === undefined ? "–" : `<span title="${escaped(trial.seen)}">${trial.works ? "yes" : "no"}</span>`;
  const rows = report.contenders.map(({ label, facts, stall }) => [
    escaped(label),
    cell(facts?.push),
    cell(facts?.contract),
    cell(facts?.resume),
    cell(facts?.http1Proxy),
    cell(facts?.upgradingProxy),
    facts === undefined ? "–" : escaped(String(facts.manySends.connections)),
    stall === undefined
      ? "–"
      : `${stall.isOtherRoomHeld ? "held" : "not held"}: ${Math.round(stall.otherRoomMs)} ms, on ${stall.connections}`,
  ]);
  const head = [
    "",
    "pushes",
    "refuses what breaks the contract",
    "resumes on another connection",
    "HTTP/1.1 proxy",
    "HTTP/1.1 proxy with Upgrade",
    "connections for 50 sends",
    "another room while the first one's connection stalls for 300 ms",
  ];
  return htmlTable(head, rows);
}

function matrix({ matrix: rows, contenders }: Report): string {
  const ids = rows[0]?.cells.map((cell) => cell.id) ?? [];
  const head = ["", ...ids.map((id) => escaped(contenders.find((each) => each.id === id)?.label ?? id))];
  const body = rows.map(({ feature, cells }) => [escaped(feature), ...cells.map((cell) => escaped(cell.text))]);
  return `<div class="words">${htmlTable(head, body)}</div>`;
}

function claims({ claims: list }: Report): string {
  const items = list.map(
    ({ number, text, verdict, figure: why }) =>
      `<li data-claim="${number}"><span class="verdict">${verdict}</span> ${number}. ${escaped(text)}<br><span class="soft">${escaped(why)}</span></li>`,
  );
  return `<ol class="claims">${items.join("")}</ol>`;
}

function method({ settings, contenders, message, machine, tls }: Report): string {
  const failures = failureTexts(contenders).map((text) => `<li>${escaped(text)}</li>`);
  return `<ul>
<li>The server is <code>confab serve --durability os</code> in a process of its own, each transport's clients in another${machine.pinned ? ", on a core each" : ""}. With <code>fsync</code> every transport waits as long for the disk.</li>
<li>Clients for figures are small ones of the lab's own, written alike for all transports: no client library is compared. They send no header that the protocol does not need; browsers add several hundred bytes to each request. HTTP/2 headers use the dynamic table and no Huffman code. What is only tried is tried with <code>@confab/client</code>.</li>
<li>Bytes are counted by a TCP relay, both directions, headers and framing included${tls === undefined ? "" : ", and the records and handshakes of TLS"}.</li>
${tls === undefined ? "" : "<li>Over TLS the HTTP/1.1 proxy ends TLS itself and offers HTTP/1.1 alone; the stalled connection is one whose records do not pass. Every connection makes a whole handshake: no session is resumed.</li>"}
<li>Messages are due at times fixed beforehand, and latency counts from then. ${settings.rounds} rounds, in another order each, after a warm-up.</li>
<li>Two tie unless the intervals of their medians are apart and the medians differ by more than 5 % (bytes: 1 %, highest rate: 25 %). With fewer than four good rounds nothing is compared. The rule is one for pairs: among eight that are alike, one is called worse than the best in about 8 of 100 figures with five rounds, in 4 with nine.</li>
<li>The order of turns is balanced, and decided by the seed ${settings.seed}.</li>
<li>CPU is of all threads of the process. The highest rate is searched for in steps: what was kept, up to what was not. With <code>--quick</code> it is searched for once, and memory is looked at once: neither is compared then.</li>
</ul>
${message.schema === undefined ? "" : `<p>The message's type:</p><pre>${escaped(message.schema)}</pre>`}
${message.json.length > 4000 ? "" : `<p>The message:</p><pre>${escaped(message.json)}</pre>`}
${failures.length === 0 ? "" : `<p>What failed:</p><ul>${failures.join("")}</ul>`}`;
}
