import { bytePlot } from "./byte-plot.js";
import type { LabEvent, LabOrder } from "./events.js";
import { figureRows } from "./figures-table.js";
import { LatencyPlots } from "./latency-plots.js";
import { emptyResult, type LabResult, withEvent } from "./result.js";
import { type LabSettings, messagesPerRound, textProblem } from "./settings.js";
import { summaryOf } from "./summary.js";
import { labelOf } from "./transports.js";
import { endingText, factTexts, verdictTexts } from "./words.js";

const settingsForm = part("#settings", HTMLFormElement);
const fields = part("#settings fieldset", HTMLFieldSetElement);
const textField = part("#settings textarea", HTMLTextAreaElement);
const startButton = part("#start", HTMLButtonElement);
const downloadButton = part("#download", HTMLButtonElement);
const progress = part("progress", HTMLProgressElement);
const turnText = part("#turn", HTMLElement);
const stateText = part("#state", HTMLElement);
const latencyPlace = part("#latency", HTMLElement);

/** The comparison that runs, if one does. */
let running: { readonly worker: Worker; readonly plots: LatencyPlots } | undefined;
let result = newResult();
new LatencyPlots(latencyPlace, { ...result.settings, messagesPerRound: messagesPerRound(result.settings) });
showResult();

settingsForm.addEventListener("submit", (event) => {
  event.preventDefault();
  if (running) stop("Stopped.");
  else start();
});
// The form says why it cannot be sent, as of any field.
textField.addEventListener("input", () => textField.setCustomValidity(textProblem(textField.value)));
downloadButton.addEventListener("click", () => {
  const json = new Blob([JSON.stringify(result, inMicroseconds, 2)], { type: "application/json" });
  const link = document.createElement("a");
  link.href = URL.createObjectURL(json);
  link.download = `confab-lab-${result.startedAt.replaceAll(/[:.]/g, "-")}.json`;
  link.click();
  URL.revokeObjectURL(link.href);
});
document.addEventListener("visibilitychange", () => {
  if (!running || !document.hidden) return;
  result = { ...result, browser: { ...result.browser, wasHidden: true } };
  showResult();
});

function start(): void {
  result = newResult();
  const { settings, url } = result;
  // Named in this form so that the build finds the worker's program.
  const worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });
  const plots = new LatencyPlots(latencyPlace, { ...settings, messagesPerRound: messagesPerRound(settings) });
  running = { worker, plots };
  worker.addEventListener("message", ({ data }: MessageEvent<LabEvent>) => take(data, plots));
  worker.addEventListener("error", ({ message }) => stop(`Failed: ${message || "the worker did not start"}.`));
  worker.postMessage({ url, settings } satisfies LabOrder);
  // What is typed now would not be used; and nothing that is wrong with it may keep the button from stopping.
  fields.disabled = true;
  startButton.textContent = "Stop";
  progress.removeAttribute("value");
  stateText.textContent = "Running.";
  downloadButton.disabled = true;
  showResult();
}

/** End the comparison, which may be over by itself. What it has found stays. */
function stop(reason: string): void {
  if (!progress.hasAttribute("value")) progress.value = 0;
  running?.worker.terminate();
  running?.plots.draw();
  running = undefined;
  fields.disabled = false;
  startButton.textContent = "Start";
  downloadButton.disabled = result.room === undefined;
  turnText.textContent = "";
  stateText.textContent = reason;
  showResult();
}

function take(event: LabEvent, plots: LatencyPlots): void {
  result = withEvent(result, event);
  switch (event.kind) {
    case "began":
      progress.max = event.turns;
      progress.value = 0;
      return;
    case "turn":
      turnText.textContent = `${labelOf(event.transport)}, ${event.round === 0 ? "counting bytes" : `round ${event.round} of ${result.settings.rounds}`}`;
      return;
    case "echo":
      plots.add(event.transport, event, event.latencyMs);
      return;
    case "ended":
      // Turns that a failed transport did not have count as done.
      progress.value = progress.max;
      stop(endingText(result));
      return;
    case "counted":
    case "visited":
    case "failed":
      progress.value += 1;
      showResult();
      return;
    default:
      event satisfies never;
  }
}

function newResult(): LabResult {
  return emptyResult({
    url: location.origin,
    startedAt: new Date().toISOString(),
    settings: readSettings(),
    browser: { userAgent: navigator.userAgent, processors: navigator.hardwareConcurrency, wasHidden: document.hidden },
  });
}

/** No browser's clock is finer; what is beyond is left over from calculating in binary. */
function inMicroseconds(_name: string, value: unknown): unknown {
  return typeof value === "number" ? Math.round(value * 1_000) / 1_000 : value;
}

function readSettings(): LabSettings {
  const given = new FormData(settingsForm);
  const number = (name: string) => Number(given.get(name));
  return {
    text: String(given.get("text")),
    ratePerSecond: number("rate"),
    secondsPerRound: number("seconds"),
    rounds: number("rounds"),
  };
}

function showResult(): void {
  const summary = summaryOf(result, labelOf);
  const hasBegun = result.room !== undefined;
  part("#figures tbody", HTMLElement).replaceChildren(...figureRows(summary));
  part("#bytes", HTMLElement).replaceChildren(...(hasBegun ? [bytePlot(result)] : []));
  showList("#verdicts", running ? [] : verdictTexts(summary));
  showList("#facts", factTexts(result));
  showList("#warnings", hasBegun && !running ? summary.warnings : []);
}

function showList(selector: string, texts: readonly string[]): void {
  const items = texts.map((text) => {
    const item = document.createElement("li");
    item.textContent = text;
    return item;
  });
  part(selector, HTMLElement).replaceChildren(...items);
}

/** What the page's own HTML has. @throws Error: page and program are not of one build. */
function part<T extends Element>(selector: string, type: new () => T): T {
  const found = document.querySelector(selector);
  if (!(found instanceof type)) throw new Error(`the page has no ${selector}`);
  return found;
}
