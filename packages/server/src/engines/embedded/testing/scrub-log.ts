/** The log of an engine, which says when a scrub has ended that leaves nothing. */
export class ScrubLog {
  readonly warnings: object[] = [];
  private ended: () => void = () => undefined;

  warn(facts: object, text: string): void {
    this.warnings.push({ text, ...facts });
  }

  info(): void {
    this.ended();
  }

  /** Resolves when the next one has ended. To be called when what it is to erase is erased. @throws Error: none has. */
  async scrubbed(): Promise<void> {
    // Nothing of an engine keeps the process alive.
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve, reject) => {
      this.ended = resolve;
      timer = setTimeout(() => reject(new Error(`no scrub has ended: ${JSON.stringify(this.warnings)}`)), 60_000);
    });
    clearTimeout(timer);
  }
}
