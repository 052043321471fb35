import { once } from "node:events";
import type { Writable } from "node:stream";

/** Writes lines at the pace of whoever reads them. */
export class LineWriter {
  constructor(private readonly stream: Writable & { readonly isTTY?: boolean; readonly columns?: number }) {}

  get isTerminal(): boolean {
    return this.stream.isTTY === true;
  }

  /** Characters in a line of the terminal; undefined: it is none. */
  get columns(): number | undefined {
    return this.isTerminal ? this.stream.columns : undefined;
  }

  async line(text: string): Promise<void> {
    if (this.stream.write(`${text}\n`) || this.stream.destroyed) return;
    const waited = new AbortController();
    const { signal } = waited;
    try {
      await Promise.race([once(this.stream, "drain", { signal }), once(this.stream, "close", { signal })]);
    } catch {
      // Whoever read our output has gone: the stream tells `main` too, which ends the command.
    } finally {
      waited.abort();
    }
  }

  /** Resolves once everything was handed to the system: a process that exits earlier loses the rest. */
  flushed(): Promise<void> {
    return new Promise((resolve) => {
      if (this.stream.destroyed) resolve();
      else this.stream.write("", () => resolve());
    });
  }
}
