import type { HookName } from "./hooks.js";

/** Where it is said how the hooks are. */
export interface HookLog {
  info(facts: object, message: string): void;
  warn(facts: object, message: string): void;
  error(facts: object, message: string): void;
}

export interface CircuitDeps {
  readonly log: HookLog;
  /** A clock that does not go back, in milliseconds. */
  readonly nowMs: () => number;
}

/** Failures in a row after which a hook is not called for a while. */
const failuresToOpen = 20;

/** How long it is not called then, in milliseconds. After that one call finds out whether it works again. */
const openForMs = 5_000;

/** A hook that fails now and then has one line in the log in this time, in milliseconds. */
const failureLineIntervalMs = 10_000;

/**
 * Whether a hook is worth calling:
 *
 *     closed ── failuresToOpen in a row ──► open ── openForMs ──► half-open: one call
 *       ▲                                    ▲                        │        │
 *       └──────────── it succeeds ───────────┼────────────────────────┘        │
 *                                            └───────────── it fails ──────────┘
 *
 * Each call that was admitted is followed by one of `succeeded`, `failed`, `unusable` and `unasked`.
 */
export class Circuit {
  private failuresInRow = 0;
  /** When it is half-open; undefined: it is closed. */
  private openUntilMs: number | undefined;
  private isProbing = false;
  private lastLineAtMs = Number.NEGATIVE_INFINITY;
  private untoldFailures = 0;

  constructor(
    private readonly name: HookName,
    private readonly deps: CircuitDeps,
  ) {}

  /** How many calls would be admitted now: none, one, or any number. */
  get callsWorthMaking(): number {
    if (this.openUntilMs === undefined) return Number.POSITIVE_INFINITY;
    return this.isProbing || this.deps.nowMs() < this.openUntilMs ? 0 : 1;
  }

  /** Whether the hook may be called now. */
  admits(): boolean {
    if (this.openUntilMs === undefined) return true;
    if (this.callsWorthMaking === 0) return false;
    this.isProbing = true;
    return true;
  }

  succeeded(): void {
    this.failuresInRow = 0;
    // The answer to a call from before it opened says nothing of now.
    if (this.openUntilMs === undefined || !this.isProbing) return;
    this.isProbing = false;
    this.openUntilMs = undefined;
    this.deps.log.info({ hook: this.name }, "a hook works again");
  }

  failed(reason: unknown): void {
    this.failuresInRow++;
    if (this.openUntilMs === undefined) {
      this.tellFailure(reason);
      if (this.failuresInRow < failuresToOpen) return;
      const facts = { hook: this.name, err: reason, failuresInRow: this.failuresInRow, pauseMs: openForMs };
      this.deps.log.error(facts, "a hook keeps failing, and is called again after a pause");
    }
    this.isProbing = false;
    this.openUntilMs = this.deps.nowMs() + openForMs;
  }

  /** The hook has answered, and of this one event not in a way that can be used: others may go on to ask it. */
  unusable(reason: unknown): void {
    this.succeeded();
    this.tellFailure(reason);
  }

  /** A call has not reached the hook, for want of a place. It says nothing of the hook. */
  unasked(reason: unknown): void {
    this.isProbing = false;
    this.tellFailure(reason);
  }

  private tellFailure(reason: unknown): void {
    const nowMs = this.deps.nowMs();
    if (nowMs - this.lastLineAtMs < failureLineIntervalMs) {
      this.untoldFailures++;
      return;
    }
    this.lastLineAtMs = nowMs;
    const others = this.untoldFailures > 0 ? { othersSinceLastLine: this.untoldFailures } : {};
    this.untoldFailures = 0;
    this.deps.log.warn({ hook: this.name, err: reason, ...others }, "a hook failed");
  }
}
