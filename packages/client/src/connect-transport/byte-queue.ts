/** Chunks between a socket that pushes and one loop that pulls, up to a bound of bytes. */
export class ByteQueue {
  private readonly queued: Uint8Array[] = [];
  private queuedBytes = 0;
  private wake: () => void = () => undefined;
  private end: { readonly error: unknown } | undefined;

  constructor(
    private readonly maxBytes: number,
    private readonly onOverflow: () => void,
  ) {}

  push(chunk: Uint8Array): void {
    if (this.end) return;
    this.queued.push(chunk);
    this.queuedBytes += chunk.length;
    if (this.queuedBytes > this.maxBytes) this.onOverflow();
    this.wake();
  }

  /** No more will come; what is queued is still given out, and then the error thrown. Only the first call counts. */
  finish(error?: unknown): void {
    this.end ??= { error };
    this.wake();
  }

  async *chunks(): AsyncGenerator<Uint8Array> {
    for (;;) {
      for (const chunk of this.queued.splice(0)) {
        this.queuedBytes -= chunk.length;
        yield chunk;
      }
      if (this.queued.length > 0) continue;
      if (this.end) {
        if (this.end.error !== undefined) throw this.end.error;
        return;
      }
      await new Promise<void>((resolve) => {
        this.wake = resolve;
      });
    }
  }
}
