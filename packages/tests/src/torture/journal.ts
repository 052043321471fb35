import { ConfabError, isNetworkFailure } from "@confab/client/node";
import type { Violation } from "./evidence.js";

/** How many of a client's last events are kept to explain a violation. */
const keptEvents = 24;

/** What the clients of a run met, counted, and what of it no client may meet. */
export class Journal {
  readonly violations: Violation[] = [];
  readonly counts: Record<string, number> = {};
  private readonly startedAtMs = performance.now();

  count(what: string): void {
    this.counts[what] = (this.counts[what] ?? 0) + 1;
  }

  /** The last events of one client. */
  diary(name: string): Diary {
    return new Diary(name, this);
  }

  now(): string {
    return ((performance.now() - this.startedAtMs) / 1_000).toFixed(3);
  }
}

export class Diary {
  readonly events: string[] = [];

  constructor(
    readonly name: string,
    private readonly journal: Journal,
  ) {}

  note(event: string): void {
    this.events.push(`${this.journal.now()} s  ${event}`);
    if (this.events.length > keptEvents) this.events.shift();
  }

  count(what: string): void {
    this.journal.count(what);
  }

  violation(what: string): void {
    this.note(what);
    this.journal.violations.push({ where: this.name, what, events: [...this.events] });
  }

  /**
   * Note why a call or a listening failed. A fault of the network, or a server that stops, may only ever look like
   * something worth a retry: a client would give up on anything else. So any other error here is a violation.
   */
  failed(call: string, error: unknown): void {
    const text = error instanceof Error ? error.message : String(error);
    const code = error instanceof ConfabError ? error.code : "no ConfabError";
    const source = isNetworkFailure(error) ? "network" : "server or client";
    this.count(`${code} (${source})`);
    const isExpected = error instanceof ConfabError && (isNetworkFailure(error) || error.kind.retry);
    const event = `${call} failed: ${code}, ${source}: ${text}`;
    if (isExpected && code !== "INTERNAL") this.note(event);
    else this.violation(event);
  }
}
