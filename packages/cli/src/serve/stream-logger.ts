import type { Writable } from "node:stream";
import type { Logger } from "@confab/server";
import { printable, timeText } from "../output/format.js";

type Level = "info" | "warn" | "error";

/** Log lines for people, or JSON for programs. Errors are logged whole, since they are bugs. */
export class StreamLogger implements Logger {
  constructor(
    private readonly stream: Writable,
    private readonly isJson: boolean,
  ) {}

  info(facts: object, message: string): void {
    this.write("info", facts, message);
  }

  warn(facts: object, message: string): void {
    this.write("warn", facts, message);
  }

  error(facts: object, message: string): void {
    this.write("error", facts, message);
  }

  private write(level: Level, facts: object, message: string): void {
    const now = new Date();
    if (this.isJson) {
      this.stream.write(`${JSON.stringify({ time: now.toISOString(), level, message, ...facts }, errorsAsText)}\n`);
      return;
    }
    const shown = Object.entries(facts).map(([name, value]) => ` ${name}=${factText(value)}`);
    this.stream.write(`${timeText(now)} ${level === "info" ? "" : `${level}: `}${message}${shown.join("")}\n`);
  }
}

function factText(value: unknown): string {
  if (value instanceof Error) return value.stack ?? value.message;
  return printable(typeof value === "string" ? value : (JSON.stringify(value) ?? String(value)));
}

/** JSON has nothing for an Error: an empty object would stand there. */
function errorsAsText(_key: string, value: unknown): unknown {
  return value instanceof Error ? (value.stack ?? value.message) : value;
}
