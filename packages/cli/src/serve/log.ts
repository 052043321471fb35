import type { Logger } from "@confab/server";
import { type DestinationStream, pino, stdSerializers } from "pino";
import { logLineText } from "./log-line.js";
import { withoutSecrets } from "./redaction.js";

export type LogLevel = "info" | "warn" | "error" | "silent";

/** The server's log. */
export interface ServeLog extends Logger {
  level: LogLevel;
}

export interface LogOptions {
  readonly level: LogLevel;
  /** Lines of JSON for programs, or lines for people. */
  readonly format: "json" | "text";
}

/** Facts that are hidden wherever they stand: what callers show and what they say. */
const hiddenNames = ["token", "authorization", "cookie", "password", "secret", "payload"];

/** A log that writes to `stream`. Tokens, payloads, passwords and the queries of URLs are left out. */
export function openLog(stream: { write(line: string): boolean }, { level, format }: LogOptions): ServeLog {
  const destination: DestinationStream = {
    write: (line) => void stream.write(withoutSecrets(format === "json" ? line : logLineText(line))),
  };
  return pino(
    {
      level,
      base: null,
      messageKey: "message",
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
      // Errors are logged whole, with their causes, since they are bugs.
      serializers: { err: (err: unknown) => (err instanceof Error ? stdSerializers.err(err).stack : err) },
      redact: { paths: hiddenNames.flatMap((name) => [name, `*.${name}`, `*.*.${name}`]), censor: "(hidden)" },
    },
    destination,
  ) as unknown as ServeLog;
}
