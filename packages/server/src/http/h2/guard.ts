import { ConnectionError, ErrorCode } from "./frame.js";

/**
 * CONTINUATION frames that one header block may take ("CONTINUATION flood", CVE-2024-27316). Frames hold up to 16 KiB, so
 * an honest block within our header limits takes none or one; small pieces of it are a slow client's right.
 */
export const maxContinuationFrames = 16;

/**
 * Streams that the client may cancel, or make us reset, within `abuseWindowMs` ("rapid reset", CVE-2023-44487, and "made
 * you reset", CVE-2025-8671). Each costs us a request and the client nothing. The default lets a busy browser cancel 30 a
 * second; a gateway that carries many users through one connection needs more.
 */
export const defaultMaxResets = 1000;

/**
 * Frames that ask for nothing and carry nothing which a connection may send within `abuseWindowMs`: SETTINGS, PRIORITY,
 * DATA without a byte, frames of types unknown to us (CVE-2019-9515, -9518). PING is not among them: gRPC's bandwidth
 * probes send one per round trip, and unread answers have a bound of their own.
 */
export const maxIdleFrames = 3000;

/** Over how long the budgets above refill, in milliseconds. */
export const abuseWindowMs = 30_000;

/** Answers (PING and SETTINGS acknowledgements, resets) that may wait for a peer that does not read (CVE-2019-9512). */
export const maxUnsentAnswers = 2000;

/**
 * Counts what costs us more than it costs the peer. Budgets refill when the connection is swept, so that counting reads
 * no clock.
 */
export class Guard {
  readonly #maxResets: number;
  #resets = 0;
  #idleFrames = 0;
  #unsentAnswers = 0;

  constructor(maxResets: number) {
    this.#maxResets = maxResets;
  }

  /** @throws ConnectionError ENHANCE_YOUR_CALM over the budget; so do the others. */
  countReset(): void {
    this.#resets += 1;
    if (this.#resets > this.#maxResets) throw calm(`more than ${this.#maxResets} streams reset`);
  }

  countIdleFrame(): void {
    this.#idleFrames += 1;
    if (this.#idleFrames > maxIdleFrames) throw calm(`more than ${maxIdleFrames} frames without content`);
  }

  countAnswer(): void {
    this.#unsentAnswers += 1;
    if (this.#unsentAnswers > maxUnsentAnswers) throw calm(`more than ${maxUnsentAnswers} answers not read`);
  }

  /** The socket took everything it was given. */
  answersSent(): void {
    this.#unsentAnswers = 0;
  }

  refill(elapsedMs: number): void {
    const share = elapsedMs / abuseWindowMs;
    this.#resets = Math.max(0, this.#resets - this.#maxResets * share);
    this.#idleFrames = Math.max(0, this.#idleFrames - maxIdleFrames * share);
  }
}

function calm(message: string): ConnectionError {
  return new ConnectionError(ErrorCode.ENHANCE_YOUR_CALM, message);
}
