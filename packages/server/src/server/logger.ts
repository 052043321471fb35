/** Where the server says what happens to it; pino's loggers fit. */
export interface Logger {
  info(facts: object, message: string): void;
  warn(facts: object, message: string): void;
  error(facts: object, message: string): void;
}

export const silentLogger: Logger = { info() {}, warn() {}, error() {} };
