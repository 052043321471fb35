/** Where the server says what happens to it; pino's loggers fit. */
export interface Logger {
  info(facts: object, message: string): void;
  warn(facts: object, message: string): void;
  error(facts: object, message: string): void;
}

function drop(): void {
  // For those who asked for no log.
}

export const silentLogger: Logger = { info: drop, warn: drop, error: drop };
