import type { Logger } from "../server/logger.js";

/** For programs that give no logger: what is wrong is said on standard error, a line each, and nothing else. */
export const stderrLogger: Logger = {
  info: () => undefined,
  warn: (facts, message) => write("warn", facts, message),
  error: (facts, message) => write("error", facts, message),
};

function write(level: string, facts: object, message: string): void {
  // A name or text of a client must not end the line.
  const text = JSON.stringify(facts, (_, value: unknown) =>
    value instanceof Error ? (value.stack ?? value.message) : value,
  );
  process.stderr.write(`${new Date().toISOString()} confab ${level}: ${message} ${text}\n`);
}
