import type { Random } from "@confab/contract/testing/random";
import type { Journal } from "./journal.js";
import type { Blow } from "./schedule.js";

export interface SystemOptions {
  readonly journal: Journal;
  readonly random: Random;
  /** The servers listen on these ports now. */
  moved(ports: readonly number[]): void;
  /** Ctrl-C reaches the servers too, and they end: that is no fault of their own. */
  isInterrupted(): boolean;
}

/** A blow to something other than the connections of clients. */
export type SystemBlow = Exclude<Blow, "storm">;

/** What is tortured: one server, or nodes and what they share. */
export interface TorturedSystem {
  /** What can happen to it, besides what happens to connections. */
  readonly blows: readonly [SystemBlow, ...SystemBlow[]];
  /** @throws Error: it cannot be started; the message is what it printed. */
  start(): Promise<void>;
  /** Resolves once what was ended is there again. */
  strike(blow: SystemBlow): Promise<void>;
  /** End all of it at once, and remove what it wrote. */
  end(): Promise<void>;
}
