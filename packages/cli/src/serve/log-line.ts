import { printable, timeText } from "../output/printable.js";

/** A line of the log, which pino has made in JSON, as a line for people: `12:03:04 warn: text fact=value`. */
export function logLineText(json: string): string {
  const { level, time, message, ...facts } = JSON.parse(json) as Readonly<Record<string, unknown>>;
  const shown = Object.entries(facts).map(([name, value]) => ` ${name}=${factText(name, value)}`);
  return `${timeText(new Date(String(time)))} ${level === "info" ? "" : `${level}: `}${message}${shown.join("")}\n`;
}

function factText(name: string, value: unknown): string {
  const text = typeof value === "string" ? value : JSON.stringify(value);
  // The stack of a bug has many lines, and comes from our own code.
  if (name === "err") return text;
  // Clients choose some of the texts: none of them can pass for another fact.
  return typeof value === "string" && /^$|[\s"]/.test(text) ? printable(JSON.stringify(text)) : printable(text);
}
