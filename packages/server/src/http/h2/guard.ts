import { limits } from "@confab/contract/limits";
import { ConnectionError, ErrorCode } from "./frame.js";

/**
 * CONTINUATION frames that one header block may take ("CONTINUATION flood", CVE-2024-27316). Frames hold up to 16 KiB, so
 * an honest block within our header limits takes a few; small pieces of it are a slow client's right.
 */
export const maxContinuationFrames = 16;

/** What one connection may cost us without asking for anything, within a window of time. */
export interface Budgets {
  /**
   * Requests that ended by a reset before they were answered ("rapid reset", CVE-2023-44487, and "made you reset",
   * CVE-2025-8671), or were refused for their head. Each costs us a request and the client nothing. A stream that was
   * answered and then cancelled is not counted, and each complete request gives one back: a gateway's ordinary traffic
   * passes.
   */
  readonly maxResets: number;
  /**
   * Frames that carry no request and no body: PING, SETTINGS, PRIORITY, WINDOW_UPDATE, empty DATA and CONTINUATION, unknown
   * types (CVE-2019-9512, -9515, -9518), besides `controlFramesPerSentFrame` for each frame of an answer.
   */
  readonly maxControlFrames: number;
  /** Over how long spent budgets refill, in milliseconds. */
  readonly windowMs: number;
}

export const defaultBudgets: Budgets = {
  maxResets: limits.maxResets.fallback,
  maxControlFrames: limits.maxControlFrames.fallback,
  windowMs: limits.budgetWindowMs.fallback,
};

/**
 * Control frames that the client may send for each HEADERS or DATA frame of ours, besides its budget: clients answer DATA
 * with a WINDOW_UPDATE for the stream and one for the connection, and gRPC's bandwidth probes with a PING.
 */
const controlFramesPerSentFrame = 10;

/** Answers (PING and SETTINGS acknowledgements, resets) that may wait for a peer that does not read (CVE-2019-9512). */
export const maxUnsentAnswers = 2000;

/**
 * Counts what costs us more than it costs the peer. Budgets refill when the connection is swept, so that counting reads
 * no clock.
 */
export class Guard {
  readonly #budgets: Budgets;
  #resets = 0;
  #areResetsSpent = false;
  #controlFrames = 0;
  /** Up to which of our frames `#controlFrames` was set off against them. */
  #creditedFrames = 0;
  #unsentAnswers = 0;

  constructor(budgets: Budgets) {
    this.#budgets = budgets;
  }

  get resetsText(): string {
    const { maxResets, windowMs } = this.#budgets;
    return `more than ${maxResets} requests reset or refused within ${windowMs} ms (maxResets)`;
  }

  /**
   * True when the budget is spent: once. `count`: what the request cost, if more than one that is reset.
   *
   * @throws ConnectionError ENHANCE_YOUR_CALM over twice the budget.
   */
  countReset(count: number): boolean {
    this.#resets += count;
    const { maxResets } = this.#budgets;
    if (this.#resets <= maxResets) return false;
    if (this.#resets > 2 * maxResets) throw calm(this.resetsText);
    const isFirst = !this.#areResetsSpent;
    this.#areResetsSpent = true;
    return isFirst;
  }

  /** A request was served to its end. */
  countServed(): void {
    if (this.#resets > 0) this.#resets -= 1;
  }

  /**
   * `sentFrames`: the HEADERS and DATA frames that we have sent on this connection.
   *
   * @throws ConnectionError ENHANCE_YOUR_CALM over the budget.
   */
  countControlFrame(sentFrames: number): void {
    this.#controlFrames += 1;
    const { maxControlFrames, windowMs } = this.#budgets;
    if (this.#controlFrames <= maxControlFrames) return;
    this.#setOff(sentFrames);
    if (this.#controlFrames <= maxControlFrames) return;
    throw calm(`more than ${maxControlFrames} frames without content within ${windowMs} ms (maxControlFrames)`);
  }

  /** @throws ConnectionError ENHANCE_YOUR_CALM over the bound. */
  countAnswer(): void {
    this.#unsentAnswers += 1;
    if (this.#unsentAnswers > maxUnsentAnswers) throw calm(`more than ${maxUnsentAnswers} answers not read`);
  }

  /** The socket took everything it was given. */
  answersSent(): void {
    this.#unsentAnswers = 0;
  }

  refill(elapsedMs: number, sentFrames: number): void {
    const { maxResets, maxControlFrames, windowMs } = this.#budgets;
    const share = elapsedMs / windowMs;
    this.#resets = Math.max(0, this.#resets - maxResets * share);
    // Also when nothing was counted: what was not used for a while must not become a store for a flood.
    this.#setOff(sentFrames);
    this.#controlFrames = Math.max(0, this.#controlFrames - maxControlFrames * share);
  }

  #setOff(sentFrames: number): void {
    const credit = (sentFrames - this.#creditedFrames) * controlFramesPerSentFrame;
    this.#controlFrames = Math.max(0, this.#controlFrames - credit);
    this.#creditedFrames = sentFrames;
  }
}

function calm(message: string): ConnectionError {
  return new ConnectionError(ErrorCode.ENHANCE_YOUR_CALM, message);
}
