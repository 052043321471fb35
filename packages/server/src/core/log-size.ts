import { ConfabError } from "@confab/contract";

/** How soon a sender that was refused may try again, in milliseconds. */
const retryAfterMs = 5_000;

/**
 * The bytes that a log takes, as it was measured last, and what was appended since. Past `maxLogBytes` nothing new is stored
 * until a retention by age has given bytes back, as the others work with each send.
 */
export class LogSize {
  private bytes = 0;

  constructor(private readonly limits: { readonly maxLogBytes: number }) {}

  /** The log takes so many bytes now. Undefined: that cannot be known, and nothing is refused. */
  set(bytes: number | undefined): void {
    this.bytes = bytes ?? Number.NEGATIVE_INFINITY;
  }

  add(bytes: number): void {
    this.bytes += bytes;
  }

  /** @throws STORAGE_FULL */
  refuseFull(): void {
    const { bytes } = this;
    const { maxLogBytes } = this.limits;
    if (bytes < maxLogBytes) return;
    const text = `the log takes ${bytes} bytes, and maxLogBytes is ${maxLogBytes}: raise it, or keep messages for a shorter time; nothing was stored`;
    throw new ConfabError("STORAGE_FULL", text, { retryAfterMs });
  }
}
