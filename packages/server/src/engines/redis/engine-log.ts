/** Where the engine says what happens to its Redis. */
export interface EngineLog {
  info(facts: object, message: string): void;
  warn(facts: object, message: string): void;
}
